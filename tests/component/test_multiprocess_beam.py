"""Beam in processes of their own, which have imported nothing before they get work."""

import os
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import MultiprocessBeam

pytestmark = pytest.mark.slow


def noting_version(folder: str) -> Callable[[int], None]:
    """Needs TFDV, which needs a module that only `tfx` stands in for.

    Within a function, so that workers need not import this module.
    """

    def note(number: int) -> None:
        import tensorflow_data_validation as tfdv

        Path(folder, f"{number}.txt").write_text(f"{tfdv.StatsOptions.__name__} {os.getpid()}")

    return note


def test_workers_have_what_tfdv_needs(tmp_path: Path) -> None:
    options = PipelineOptions(beam_arguments(MultiprocessBeam(workers=1)))
    with beam.Pipeline(options=options) as pipeline:
        _ = pipeline | beam.Create([1, 2]) | beam.Map(noting_version(str(tmp_path)))

    written = [path.read_text().split() for path in sorted(tmp_path.iterdir())]
    assert [name for name, _ in written] == ["StatsOptions", "StatsOptions"]
    assert str(os.getpid()) not in {process for _, process in written}
