"""Whether the engine of a configuration can do the work, asked before there is any."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipeline.beam_settings import BeamSettings, DataflowBeam, FlinkBeam, PortableBeam
from schema.errors import ConfigurationError

_SECONDS: Final = 10.0
_GOOGLE_STORE: Final = "gs://"


def check_engine(settings: BeamSettings, folders: Sequence[str]) -> None:
    """Raises ConfigurationError where the engine cannot be asked, or cannot see the folders that its workers use."""
    if isinstance(settings, DataflowBeam):
        _check_in_store(folders)
    if isinstance(settings, PortableBeam):
        _check_job_server(settings)
    if isinstance(settings, PortableBeam | DataflowBeam) and settings.setup_file:
        _check_file("beam.setup_file", settings.setup_file)


def _check_in_store(folders: Sequence[str]) -> None:
    outside = [folder for folder in folders if not folder.startswith(_GOOGLE_STORE)]
    if outside:
        raise ConfigurationError(
            "Workers of Dataflow see Google Cloud Storage alone, and not the folders of this machine.",
            reasons=outside,
            fix=f"name folders that begin with {_GOOGLE_STORE}, or choose another engine with --set beam.runner=NAME",
        )


def _check_job_server(settings: PortableBeam) -> None:
    if settings.job_endpoint:
        _ask(settings.job_endpoint)
        return
    assert settings.job_server_jar is not None
    if not shutil.which("java"):
        raise ConfigurationError(
            "There is no Java, which runs the job server of beam.job_server_jar.",
            fix="install Java 11 or newer, or name a job server that runs: --set beam.job_endpoint=HOST:PORT",
        )
    if "://" not in settings.job_server_jar:
        _check_file("beam.job_server_jar", settings.job_server_jar)
    if isinstance(settings, FlinkBeam) and settings.master:
        _check_listens(settings.master)


def _ask(endpoint: str) -> None:
    """Asks what any job server of Beam answers."""
    with grpc.insecure_channel(endpoint) as channel:
        server = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            server.DescribePipelineOptions(beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=_SECONDS)
        except grpc.RpcError as error:
            raise ConfigurationError(
                f"No job server of Beam answers at {endpoint} ({error.code().name}).",
                fix="start it, or name the one that runs: --set beam.job_endpoint=HOST:PORT",
            ) from error


def _check_listens(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except OSError as error:
        raise ConfigurationError(
            f"No Flink answers at {address} ({error.strerror or error}).",
            fix="start it, or name the REST address of its job manager: --set beam.master=HOST:PORT",
        ) from error


def _check_file(key: str, path: str) -> None:
    if not Path(path).is_file():
        raise ConfigurationError(f"{key}: there is no file {path}.", fix=f"name one: --set {key}=FILE")
