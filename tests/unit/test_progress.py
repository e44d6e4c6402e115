"""Progress: a log record that carries its numbers."""

import logging

import pytest

from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE, Progress, report_progress


def test_the_record_carries_the_progress_and_says_it(caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress("reading images", advance=3, total=10, remark="so far")

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        report_progress(progress)

    (record,) = caplog.records
    assert getattr(record, RECORD_ATTRIBUTE) == progress
    assert record.getMessage() == "reading images: 3 more of 10 so far"
    assert record.levelno == logging.INFO
