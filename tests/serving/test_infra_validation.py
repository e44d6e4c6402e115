"""What checks a model before it is published, and what happens where that cannot be had."""

import socket
from pathlib import Path

import pytest

from components.infra_validation.backends import (
    Container,
    ModelServerBinary,
    RunningServer,
    SessionLoader,
    find_backend,
    find_tensorflow_serving,
)
from schema.errors import ConfigurationError, PublishingError
from tests.serving.conftest import Exported


def _executable(path: Path, script: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


def test_the_first_that_is_there_checks(tmp_path: Path) -> None:
    on_the_path = _executable(tmp_path / "bin" / "tensorflow_model_server", "#!/bin/sh\n")
    everything = {"TFS_BIN": "/opt/server", "PATH": str(tmp_path / "bin"), "TFS_ADDR": "a:1", "TFS_IMAGE": "i:2"}

    def without(*names: str) -> dict[str, str]:
        return {name: value for name, value in everything.items() if name not in names}

    assert find_backend(everything) == ModelServerBinary("/opt/server")
    assert find_backend(without("TFS_BIN")) == ModelServerBinary(on_the_path)
    assert find_backend(without("TFS_BIN", "PATH") | {"PATH": "/nowhere"}) == RunningServer("a:1")
    assert find_backend({"PATH": "/nowhere", "TFS_IMAGE": "i:2"}) == Container("i:2")
    assert find_backend({"PATH": "/nowhere"}) == SessionLoader()


def test_the_record_tells_the_real_one_from_its_stand_in() -> None:
    real = (ModelServerBinary("/opt/server"), RunningServer("a:1"), Container("tensorflow/serving:2.19.1"))

    assert [backend.title for backend in real] == [
        "TensorFlow Serving (/opt/server)",
        "TensorFlow Serving at a:1",
        "TensorFlow Serving (tensorflow/serving:2.19.1)",
    ]
    assert SessionLoader().title == "the session loader"


def test_a_real_one_can_be_demanded() -> None:
    assert find_tensorflow_serving({"TFS_ADDR": "a:1", "PATH": "/nowhere"}) == RunningServer("a:1")
    with pytest.raises(ConfigurationError, match="there is no TensorFlow Serving") as caught:
        find_tensorflow_serving({"PATH": "/nowhere"})
    assert "TFS_BIN, TFS_ADDR or TFS_IMAGE" in caught.value.fix


def test_a_server_that_ends_at_once_is_an_error(exported: Exported, tmp_path: Path) -> None:
    binary = _executable(tmp_path / "server", "#!/bin/sh\nexit 3\n")

    with pytest.raises(PublishingError, match="ended at once, with exit code 3"):
        ModelServerBinary(binary).check(exported.directory)


def test_a_binary_that_is_not_there_is_an_error(exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="cannot be started"):
        ModelServerBinary(str(tmp_path / "nothing")).check(exported.directory)


def test_an_address_where_nobody_listens_is_an_error(exported: Exported) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(PublishingError, match=f"{address} does not answer"):
            RunningServer(address).check(exported.directory)


def test_an_image_without_a_docker_engine_is_an_error(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(PublishingError, match="did not start"):
        Container("tensorflow/serving:2.19.1").check(exported.directory)
