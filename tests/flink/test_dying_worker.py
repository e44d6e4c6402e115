"""A worker on Flink that dies in the middle of a file."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from components.image_example_gen import shards
from components.image_example_gen.executor import Executor as ImageExampleGen
from components.image_example_gen.whole_files import whole_file
from components.image_example_gen.work_files import do_parts
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import FlinkBeam
from pipeline.output import OutputFolder
from tests.flink.artifact_files import files, folder
from tests.steps import outputs_of, redo

pytestmark = pytest.mark.flink


def test_a_worker_that_dies_fails_the_step_and_leaves_no_half_file(
    local_run: OutputFolder, staged: FlinkBeam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = tmp_path / "died"

    def dying(write_shard: Any) -> Callable[[int, Any], None]:
        # Goes to the workers as it is: they do not have the tests.
        def write_half_a_shard_once(number: int, values: dict[str, Any]) -> None:
            if died.exists():
                write_shard(number, values)
                return
            with whole_file(values["path"], write_shard.partial_directory) as partial:
                Path(partial).write_bytes(b"half a shard")
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        return write_half_a_shard_once

    def do_parts_and_die(make_pipeline: Callable[[], beam.Pipeline], count: int, directory: str, work: Any) -> None:
        do_parts(make_pipeline, count, directory, dying(work))

    monkeypatch.setattr(shards, "do_parts", do_parts_and_die)
    arguments = beam_arguments(staged)
    whole = files(folder(outputs_of(local_run, "ImageExampleGen"), "examples"))

    with pytest.raises(RuntimeError, match="FAILED"):
        redo(local_run, "ImageExampleGen", ImageExampleGen, arguments, tmp_path / "first")
    assert died.exists()
    left = {name: data for name, data in files(tmp_path / "first" / "examples").items() if name.startswith("Split-")}
    assert left.items() < whole.items()

    again = redo(local_run, "ImageExampleGen", ImageExampleGen, arguments, tmp_path / "again")
    assert files(folder(again, "examples")) == whole
