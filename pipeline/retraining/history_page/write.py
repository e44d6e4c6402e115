"""Writes the history page of an output folder."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from components.spans.ledger import read_ledger
from pipeline.alerts.journal import read_journal
from pipeline.config import Config
from pipeline.retraining.folder import RetrainingFolder, last_trained
from pipeline.retraining.history_page.content import HistoryContent
from pipeline.retraining.history_page.render import render
from pipeline.retraining.spans import find_spans
from schema.durable_files import replace_text


def write_history(config: Config, data: Path, folder: RetrainingFolder, now: datetime) -> None:
    """Replaces the page in one step.

    Args:
        data: folder of the spans.

    Raises OSError where it cannot be written, and BreastImagingError where history, ledger or spans cannot be read.
    """
    replace_text(folder.page_file, render(_gather(config, data, folder, now)))


def _gather(config: Config, data: Path, folder: RetrainingFolder, now: datetime) -> HistoryContent:
    records, spans = folder.history(), find_spans(data)
    generations = read_ledger(folder.ledger).generations
    return HistoryContent(
        name=config.name,
        created=now,
        records=records,
        spans=[span.name for span in spans],
        waiting=[each.span for each in generations if each.retraining > last_trained(records)],
        incomplete=[span.name for span in spans if not span.complete],
        maximum_age_days=config.retraining.maximum_age_days,
        failed_alerts=_failed_alerts(folder),
    )


def _failed_alerts(folder: RetrainingFolder) -> Mapping[int, Sequence[str]]:
    return {
        entry.number: [outcome.detail for outcome in entry.outcomes if not outcome.delivered]
        for entry in read_journal(folder.alerts_file)
    }
