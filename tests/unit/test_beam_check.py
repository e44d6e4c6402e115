"""Engines are asked before there is work for them, and jobs end with whoever waits for them."""

import json
import socket
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.runner import PipelineResult, PipelineRunner

from pipeline.beam_check import check_engine
from pipeline.beam_here import work_folder
from pipeline.beam_settings import LocalBeam
from pipeline.cli.main import run_app
from pipeline.config import load_config
from pipeline.interruptible import InterruptiblePipeline
from schema.errors import EXIT_BAD_CONFIGURATION, ConfigurationError


class _JobServer(beam_job_api_pb2_grpc.JobServiceServicer):
    def DescribePipelineOptions(self, request: Any, context: Any) -> Any:  # noqa: N802  Beam's name
        return beam_job_api_pb2.DescribePipelineOptionsResponse()


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(_JobServer(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(None)


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("localhost", 0)) as opened:
        return f"localhost:{opened.getsockname()[1]}"


def flink(**settings: Any) -> dict[str, Any]:
    return {"runner": "flink", "temp_location": "/shared", "environment": {"type": "loopback"}} | settings


def check(settings: dict[str, Any], *folders: str) -> None:
    check_engine(load_config("synthetic", [f"beam={json.dumps(settings)}"]).beam, folders)


def refusal(settings: dict[str, Any], *folders: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        check(settings, *folders)
    return caught.value


def test_a_job_server_that_answers_will_do(endpoint: str) -> None:
    check(flink(job_endpoint=endpoint), "/data")


def test_no_job_server(nobody: str) -> None:
    assert refusal(flink(job_endpoint=nobody)).what == f"No job server of Beam answers at {nobody} (UNAVAILABLE)."


def test_another_server_is_no_job_server() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    address = f"localhost:{server.add_insecure_port('localhost:0')}"
    server.start()

    assert "(UNIMPLEMENTED)" in refusal(flink(job_endpoint=address)).what
    server.stop(None)


def test_no_flink_for_a_job_server_of_our_own(nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "server.jar"
    settings = flink(master=nobody, job_server_jar=str(jar))
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")

    assert refusal(settings).what == f"beam.job_server_jar: there is no file {jar}."
    jar.touch()
    assert refusal(settings).what.startswith(f"No Flink answers at {nobody}")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert refusal(settings).what.startswith("There is no Java")


def test_no_setup_file(endpoint: str, tmp_path: Path) -> None:
    environment = {"type": "external", "address": "localhost:50000"}
    settings = flink(job_endpoint=endpoint, environment=environment, setup_file=str(tmp_path / "setup.py"))

    assert refusal(settings).what == f"beam.setup_file: there is no file {tmp_path / 'setup.py'}."
    (tmp_path / "setup.py").touch()
    check(settings)


def test_dataflow_does_not_see_this_machine() -> None:
    settings = {
        "runner": "dataflow",
        "project": "breast",
        "region": "europe-west1",
        "temp_location": "gs://bucket/temp",
        "image": "registry/image:1",
    }

    assert refusal(settings, "/data", "gs://bucket/root").reasons == ("/data",)
    check(settings, "gs://bucket/data", "gs://bucket/root")


def test_the_command_line_says_it_before_anything_is_read(
    nobody: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "benign").mkdir(parents=True)
    (tmp_path / "data" / "benign" / "broken.png").write_bytes(b"no image")
    settings = flink(job_endpoint=nobody, temp_location=str(tmp_path / "temp"))
    arguments = ["--config", "synthetic", "--data", str(tmp_path / "data"), "--set", f"beam={json.dumps(settings)}"]

    assert run_app(["data", "audit", *arguments]) == EXIT_BAD_CONFIGURATION
    assert f"No job server of Beam answers at {nobody}" in capsys.readouterr().err
    assert list((tmp_path / "temp").iterdir()) == []


def test_workers_and_engines_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(tmp_path), "--data", str(tmp_path), "--output", str(tmp_path / "a.csv")]

    assert run_app(["score", *arguments, "--workers", "2", "--config", "busi"]) == EXIT_BAD_CONFIGURATION
    assert "give --workers, or --config" in capsys.readouterr().err


def test_work_goes_to_a_folder_that_workers_see(tmp_path: Path) -> None:
    beam_settings = load_config(
        "synthetic", [f"beam={json.dumps(flink(job_endpoint='a:1', temp_location=str(tmp_path)))}"]
    ).beam

    with work_folder(beam_settings) as first, work_folder(beam_settings) as second:
        assert {Path(first).parent, Path(second).parent} == {tmp_path}
        assert first != second
        Path(first, "work.json").touch()
    assert list(tmp_path.iterdir()) == []
    with work_folder(LocalBeam()) as folder:
        assert list(Path(folder).iterdir()) == []


class _Job(PipelineResult):
    """Never ends by itself."""

    def __init__(self) -> None:
        super().__init__("RUNNING")
        self.cancelled = False

    def wait_until_finish(self, duration: int | None = None) -> str:
        raise KeyboardInterrupt

    def cancel(self) -> None:
        self.cancelled = True


class _Engine(PipelineRunner):
    def __init__(self) -> None:
        self.job = _Job()

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> _Job:
        return self.job


def test_an_interrupted_job_is_cancelled() -> None:
    engine = _Engine()

    with pytest.raises(KeyboardInterrupt), InterruptiblePipeline(runner=engine) as pipeline:
        _ = pipeline | beam.Create([1])

    assert engine.job.cancelled


def test_a_failure_before_there_is_a_job_is_told_as_it_is() -> None:
    engine = _Engine()

    with pytest.raises(KeyError, match="no such"), InterruptiblePipeline(runner=engine):
        raise KeyError("no such")

    assert not engine.job.cancelled
