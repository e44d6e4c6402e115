"""Beam in processes of their own, which have imported nothing before they get work."""

import os
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import MultiprocessBeam

pytestmark = pytest.mark.slow


class _NoteVersion(beam.DoFn):
    """Needs TFDV, which needs a module that only `tfx` stands in for."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, number: int) -> Iterator[None]:
        import tensorflow_data_validation as tfdv

        Path(self._folder, f"{number}.txt").write_text(f"{tfdv.StatsOptions.__name__} {os.getpid()}")
        yield from ()


def test_workers_have_what_tfdv_needs(tmp_path: Path) -> None:
    options = PipelineOptions(beam_arguments(MultiprocessBeam(workers=1)))
    with beam.Pipeline(options=options) as pipeline:
        _ = pipeline | beam.Create([1, 2]) | beam.ParDo(_NoteVersion(str(tmp_path)))

    written = [path.read_text().split() for path in sorted(tmp_path.iterdir())]
    assert [name for name, _ in written] == ["StatsOptions", "StatsOptions"]
    assert str(os.getpid()) not in {process for _, process in written}
