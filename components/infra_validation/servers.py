"""Servers for the time of a check, each with the model as its only one."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import grpc
from docker.errors import DockerException
from google.protobuf import text_format
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tfx.components.infra_validator.error_types import DeadlineExceeded, JobAborted
from tfx.components.infra_validator.model_server_runners.local_docker_runner import LocalDockerRunner
from tfx.components.infra_validator.serving_bins import TensorFlowServing
from tfx.proto.infra_validator_pb2 import LocalDockerConfig, ServingSpec

from schema.errors import PublishingError

_VERSION: Final = "1"
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 30
_RELOAD_SECONDS: Final = 300
_FIX: Final = "start it by hand to see what it lacks; the versions published before still serve"


@contextmanager
def model_server(binary: str, name: str, model: Path) -> Iterator[str]:
    """A server's address on this machine. Raises PublishingError where it cannot be started."""
    port = _free_port()
    address = f"127.0.0.1:{port}"
    with _model_base(name, model) as base:
        command = [binary, f"--port={port}", f"--model_name={name}", f"--model_base_path={base}"]
        try:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise PublishingError(f"{binary} cannot be started ({error.strerror}).", fix=_FIX) from error
        try:
            _wait_for(address, process, binary)
            yield address
        finally:
            _stop(process)


@contextmanager
def configured_server(address: str, name: str, model: Path) -> Iterator[None]:
    """Has a running server load the model in the place of all that it has.

    Raises PublishingError where it cannot be reached or refuses.
    """
    with _model_base(name, model) as base, grpc.insecure_channel(address) as channel:
        request = text_format.Parse(
            f'config {{ model_config_list {{ config {{ name: "{name}" base_path: "{base}"'
            ' model_platform: "tensorflow" } } }',
            ReloadConfigRequest(),
        )
        try:
            answer = ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=_RELOAD_SECONDS)
        except grpc.RpcError as error:
            raise PublishingError(
                f"The server at {address} does not answer ({error.code().name}: {error.details()}).", fix=_FIX
            ) from error
        if answer.status.error_code:
            raise PublishingError(
                f"The server at {address} refused the model ({answer.status.error_message}).", fix=_FIX
            )
        yield


@contextmanager
def container(image: str, name: str, model: Path) -> Iterator[str]:
    """The address of a server in a Docker container. Raises PublishingError where it cannot be started."""
    repository, separator, version = image.partition("@") if "@" in image else image.rpartition(":")
    pinned = {"digest" if separator == "@" else "tag": version}
    with _model_base(name, model) as base, ExitStack() as stopping:
        try:
            runner = LocalDockerRunner(
                str(base / _VERSION),
                TensorFlowServing(name, image_name=repository, **pinned),
                ServingSpec(local_docker=LocalDockerConfig(), model_name=name),
            )
            stopping.callback(runner.Stop)
            runner.Start()
            runner.WaitUntilRunning(time.time() + _START_SECONDS)
        except (DeadlineExceeded, JobAborted, DockerException) as error:
            raise PublishingError(f"The container of {image} did not start ({error}).", fix=_FIX) from error
        yield runner.GetEndpoint()


@contextmanager
def _model_base(name: str, model: Path) -> Iterator[Path]:
    """A folder with the model as its only version, in which the server may look while others publish."""
    with tempfile.TemporaryDirectory(prefix="infra-validation-") as directory:
        base = Path(directory) / name
        shutil.copytree(model, base / _VERSION)
        Path(directory).chmod(0o755)  # the server may run as somebody else
        yield base


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str, process: subprocess.Popen[bytes], binary: str) -> None:
    with grpc.insecure_channel(address) as channel:
        ready = grpc.channel_ready_future(channel)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise PublishingError(f"{binary} ended at once, with exit code {process.returncode}.", fix=_FIX)
            try:
                ready.result(timeout=1)
            except grpc.FutureTimeoutError:
                continue
            return
    raise PublishingError(f"{binary} did not listen within {_START_SECONDS} s.", fix=_FIX)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
