"""What is expected of the next run, from those before it."""

import gc
import math

import pytest

from serving.server.loaded_version import LoadedVersion
from serving.server.run_times import RunTimes


def version() -> LoadedVersion:
    return LoadedVersion(1, None, lambda: None)


def test_nothing_is_expected_of_what_has_not_run() -> None:
    times, known = RunTimes(), version()
    times.add(known, "serving_image", 1000, 0.002)

    assert times.expected(known, "serving_image", 1000) == 0.002
    assert times.expected(known, "serving_image", 1023) == 0.002  # of the same power of two
    assert times.expected(known, "serving_image", 1024) == math.inf
    assert times.expected(known, "serving_image", 511) == math.inf
    assert times.expected(known, "serving_explanation", 1000) == math.inf
    assert times.expected(version(), "serving_image", 1000) == math.inf


def test_the_latest_runs_count_most() -> None:
    times, known = RunTimes(), version()
    for seconds in (0.010, 0.010, 0.0):
        times.add(known, "serving_image", 0, seconds)
    assert times.expected(known, "serving_image", 0) == pytest.approx(0.008)

    for _ in range(20):
        times.add(known, "serving_image", 0, 0.001)
    assert times.expected(known, "serving_image", 0) == pytest.approx(0.001, abs=0.0001)


def test_versions_that_have_gone_are_forgotten() -> None:
    times, known = RunTimes(), version()
    times.add(known, "serving_image", 1, 0.001)
    del known
    gc.collect()

    assert len(times._means) == 0
