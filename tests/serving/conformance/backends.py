"""Servers that the conformance suite asks: the embedded one always, TensorFlow Serving where there is one.

TFS_ADDR   host:port of the gRPC port of a running one (TFS_REST_ADDR: of its REST port), which serves TFS_MODELS
TFS_BIN    path of tensorflow_model_server
TFS_IMAGE  name of a Docker image of it
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import pytest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from tests.serving.conformance.models import CONFIG_FILE, SMALL, TOY
from tests.serving.server_process import ServerProcess, wait_for

EMBEDDED: Final = "embedded"
TENSORFLOW_SERVING: Final = "tensorflow_serving"
IN_IMAGE: Final = Path("/models")
_VERSIONS: Final = {SMALL: {1, 2}, TOY: {7}}


@dataclass(frozen=True)
class Backend:
    """A server with all versions available. Attributes: rest_url: empty where its REST port is unknown."""

    grpc_address: str
    rest_url: str
    channel: grpc.Channel

    @property
    def predictions(self) -> PredictionServiceStub:
        return PredictionServiceStub(self.channel)

    @property
    def models(self) -> ModelServiceStub:
        return ModelServiceStub(self.channel)


@contextmanager
def start(name: str, folder: Path) -> Iterator[Backend]:
    """Args: folder: as `write_models` leaves it."""
    if name == EMBEDDED:
        server = ServerProcess("--model-config-file", str(folder / CONFIG_FILE))
        with server, _connected(server.grpc_address, server.rest_url) as backend:
            yield backend
    elif "TFS_ADDR" in os.environ:
        rest = os.environ.get("TFS_REST_ADDR", "")
        with _connected(os.environ["TFS_ADDR"], f"http://{rest}" if rest else "") as backend:
            yield backend
    else:
        with _own_tensorflow_serving(folder) as backend:
            yield backend


def skip_where_there_is_none(name: str) -> None:
    if name == TENSORFLOW_SERVING and not {"TFS_ADDR", "TFS_BIN", "TFS_IMAGE"} & os.environ.keys():
        pytest.skip("not run: no TensorFlow Serving in TFS_ADDR, TFS_BIN or TFS_IMAGE")


@contextmanager
def _own_tensorflow_serving(folder: Path) -> Iterator[Backend]:
    grpc_port, rest_port = _free_port(), _free_port()
    served_as = IN_IMAGE if "TFS_BIN" not in os.environ else folder
    options = [
        f"--model_config_file={served_as / CONFIG_FILE}",
        "--allow_version_labels_for_unavailable_models=true",  # or labels cannot stand in the first configuration
    ]
    if "TFS_BIN" in os.environ:
        command = [os.environ["TFS_BIN"], f"--port={grpc_port}", f"--rest_api_port={rest_port}", *options]
    else:
        ports = ["-p", f"127.0.0.1:{grpc_port}:8500", "-p", f"127.0.0.1:{rest_port}:8501"]
        volume = ["-v", f"{folder}:{IN_IMAGE}:ro"]
        command = ["docker", "run", "--rm", "--init", *ports, *volume, os.environ["TFS_IMAGE"], *options]
    process = subprocess.Popen(command)
    try:
        with _connected(f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}") as backend:
            yield backend
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _connected(address: str, rest_url: str) -> Iterator[Backend]:
    with grpc.insecure_channel(address) as channel:
        backend = Backend(address, rest_url, channel)
        for model, versions in _VERSIONS.items():
            wait_for(lambda m=model, v=versions: _available(backend, m) == v, f"{model} available at {address}")
        yield backend


def _available(backend: Backend, model: str) -> set[int]:
    request = GetModelStatusRequest()
    request.model_spec.name = model
    try:
        statuses = backend.models.GetModelStatus(request, timeout=5).model_version_status
    except grpc.RpcError:
        return set()
    return {status.version for status in statuses if status.state == ModelVersionStatus.AVAILABLE}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
