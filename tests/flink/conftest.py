"""A run on this machine, a Flink, and engines that are configured for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import FlinkBeam
from pipeline.config import load_config
from pipeline.local import run_locally
from pipeline.output import OutputFolder, open_output
from tests.flink.job_server import ROOT, job_server, make_workers, worker_variables
from tests.pipeline.conftest import CONFIGURATION, write_images


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(scope="session")
def local_run(images: Path, tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Any model will do: each engine evaluates the same one."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "small.yaml").write_text(yaml.safe_dump(CONFIGURATION))
    short = ["beam.workers=1", "train.epochs=2", "gate.minimum_auc=0.0", "gate.minimum_recall=0.0"]
    output = open_output(folder / "output")
    run_locally(load_config(str(folder / "small.yaml"), short), images, output)
    return output


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with job_server(tmp_path_factory.mktemp("flink")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def loopback(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> FlinkBeam:
    """Flink hands the work back to this process."""
    return _flink(endpoint, tmp_path_factory.mktemp("temp"), {"type": "loopback"})


@pytest.fixture(scope="session")
def staged(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> FlinkBeam:
    """Flink starts Beam's own boot program, which gets this project from `setup.py`."""
    program = make_workers(tmp_path_factory.mktemp("workers"))
    environment = {"type": "process", "command": str(program), "variables": worker_variables(program)}
    return _flink(endpoint, tmp_path_factory.mktemp("temp"), environment, setup_file=str(ROOT / "setup.py"))


@pytest.fixture(params=["loopback", "staged"])
def engine(request: pytest.FixtureRequest) -> list[str]:
    """Its arguments for Beam."""
    return beam_arguments(request.getfixturevalue(request.param))


def _flink(endpoint: str, temp: Path, environment: dict[str, Any], **settings: Any) -> FlinkBeam:
    return FlinkBeam.model_validate(
        {"job_endpoint": endpoint, "workers": 2, "temp_location": str(temp), "environment": environment} | settings
    )


@pytest.fixture
def loopback_arguments(loopback: FlinkBeam) -> list[str]:
    return beam_arguments(loopback)
