"""What checks a model before it is published, and what happens where that cannot be had."""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusResponse, ModelVersionStatus
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigResponse
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceServicer, add_ModelServiceServicer_to_server
from tensorflow_serving.apis.predict_pb2 import PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import (
    PredictionServiceServicer,
    add_PredictionServiceServicer_to_server,
)

from components.infra_validation.backends import (
    Container,
    ModelServerBinary,
    RunningServer,
    SessionLoader,
    find_backend,
    find_tensorflow_serving,
)
from schema import contract
from schema.errors import ConfigurationError, PublishingError
from serving.servable import Servable
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


# Takes the options of a tensorflow_model_server and starts the embedded server: so the way there is tried, and not
# TensorFlow Serving itself.
STAND_IN = f"""#!{sys.executable}
import os, sys
options = dict(option.removeprefix("--").split("=", 1) for option in sys.argv[1:])
assert options["model_name"] == os.path.basename(options["model_base_path"])
command = os.path.join(os.path.dirname(sys.executable), "breast-imaging")
os.execv(command, [command, "serve", "--model", options["model_base_path"], "--grpc-port", options["port"],
                   "--rest-port", "0"])
"""


@pytest.mark.slow
def test_a_binary_answers_for_a_sound_model_and_not_for_another(exported: Exported, copy_of_exported: Path) -> None:
    binary = _executable(copy_of_exported.parent / "stand-in", STAND_IN)

    ModelServerBinary(binary).check(exported.directory)

    _forge_reference(copy_of_exported)
    with pytest.raises(PublishingError, match="does not serve it as it was trained") as caught:
        ModelServerBinary(binary).check(copy_of_exported)
    assert "differ by 0.25 from the trainer's own" in caught.value.reasons[0]


class _RunningStandIn(PredictionServiceServicer, ModelServiceServicer):  # type: ignore[misc]
    """Loads what a reload request names, as TensorFlow Serving does."""

    def __init__(self) -> None:
        self.models: dict[str, Servable] = {}

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802  gRPC's name
        listed = request.config.model_config_list.config
        self.models = {each.name: Servable(f"{each.base_path}/1") for each in listed}
        return ReloadConfigResponse()

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        available = ModelVersionStatus(version=1, state=ModelVersionStatus.AVAILABLE)
        return GetModelStatusResponse(
            model_version_status=[available] if request.model_spec.name in self.models else []
        )

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        answer = self.models[request.model_spec.name].run(request.model_spec.signature_name, inputs)
        outputs = {name: tf.make_tensor_proto(value) for name, value in answer.items()}
        return PredictResponse(outputs=outputs)


@pytest.fixture
def running() -> Iterator[str]:
    """The address of a server without models."""
    server, service = grpc.server(ThreadPoolExecutor(2)), _RunningStandIn()
    add_PredictionServiceServicer_to_server(service, server)
    add_ModelServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.slow
def test_a_running_server_is_given_the_model(exported: Exported, copy_of_exported: Path, running: str) -> None:
    RunningServer(running).check(exported.directory)

    _forge_reference(copy_of_exported)
    with pytest.raises(PublishingError, match=f"TensorFlow Serving at {running} does not serve it"):
        RunningServer(running).check(copy_of_exported)


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_refused(copy_of_exported: Path) -> None:
    shutil.rmtree(copy_of_exported / "variables")
    binary = _executable(copy_of_exported.parent / "stand-in", STAND_IN)

    with pytest.raises(PublishingError, match="did not load the model"):
        ModelServerBinary(binary).check(copy_of_exported)


def _forge_reference(model: Path) -> None:
    path = model / contract.EXTRA_ASSETS / contract.REFERENCE_FILE
    reference = json.loads(path.read_text())
    reference["probabilities"][0] = [value + 0.25 for value in reference["probabilities"][0]]
    path.write_text(json.dumps(reference))
