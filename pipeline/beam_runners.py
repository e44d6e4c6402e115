"""Beam's own arguments for the engine of a configuration."""

import json
import os
from collections.abc import Iterator
from typing import Final, assert_never

from pipeline.beam_settings import (
    BeamSettings,
    DataflowBeam,
    DockerEnvironment,
    ExternalEnvironment,
    FlinkBeam,
    LocalBeam,
    LoopbackEnvironment,
    MultiprocessBeam,
    PortableBeam,
    ProcessEnvironment,
    SparkBeam,
    WorkerEnvironment,
)

# Without an image or a package named, every component would pack TFX's sources for its workers.
_NO_PACKING: Final = "--sdk_container_image=unused"
# TFDV imports a module of tfx_bsl that is no more, and tfx stands in for it. Workers that unpickle TFDV's classes
# have not imported tfx by then; a plugin is imported before anything is unpickled.
_PLUGIN: Final = "--beam_plugin=tfx"


def beam_arguments(settings: BeamSettings) -> list[str]:
    """What Beam's `PipelineOptions` take."""
    match settings:
        case LocalBeam():
            return _in_threads(settings)
        case MultiprocessBeam():
            return _in_processes(settings)
        case FlinkBeam():
            return [*_to_flink(settings), *_with_workers(settings)]
        case SparkBeam():
            return [*_to_spark(settings), *_with_workers(settings)]
        case DataflowBeam():
            return list(_to_dataflow(settings))
        case _:
            assert_never(settings)


def _in_threads(settings: LocalBeam) -> list[str]:
    workers = settings.workers or _cores()
    return [
        # Beam's DirectRunner would first try to download another runner.
        "--runner=FnApiRunner",
        f"--direct_num_workers={workers}",
        f"--direct_running_mode={'multi_threading' if workers > 1 else 'in_memory'}",
        _NO_PACKING,
    ]


def _in_processes(settings: MultiprocessBeam) -> list[str]:
    return [
        "--runner=pipeline.worker_processes.ProcessRunner",
        f"--direct_num_workers={settings.workers or _cores()}",
        "--direct_running_mode=multi_processing",
        _NO_PACKING,
        _PLUGIN,
    ]


def _to_flink(settings: FlinkBeam) -> list[str]:
    parallelism = [f"--parallelism={settings.workers}"] if settings.workers else []
    if settings.job_endpoint:
        return [*_to_job_server(settings.job_endpoint, settings.artifact_endpoint), *parallelism]
    return [
        "--runner=FlinkRunner",
        f"--flink_master={settings.master}",
        f"--flink_job_server_jar={settings.job_server_jar}",
        *parallelism,
    ]


def _to_spark(settings: SparkBeam) -> list[str]:
    if settings.job_endpoint:
        return _to_job_server(settings.job_endpoint, settings.artifact_endpoint)
    return [
        "--runner=SparkRunner",
        f"--spark_master_url={settings.master}",
        f"--spark_job_server_jar={settings.job_server_jar}",
    ]


def _to_job_server(endpoint: str, artifact_endpoint: str | None) -> list[str]:
    artifacts = [f"--artifact_endpoint={artifact_endpoint}"] if artifact_endpoint else []
    return ["--runner=PortableRunner", f"--job_endpoint={endpoint}", *artifacts]


def _with_workers(settings: PortableBeam) -> Iterator[str]:
    yield f"--temp_location={settings.temp_location}"
    yield from _environment(settings.environment)
    if settings.setup_file:
        yield f"--setup_file={settings.setup_file}"
    elif not isinstance(settings.environment, DockerEnvironment):
        yield _NO_PACKING
    yield _PLUGIN


def _environment(environment: WorkerEnvironment) -> list[str]:
    match environment:
        case DockerEnvironment(image=image):
            return [
                "--environment_type=DOCKER",
                f"--environment_config={image}",
                f"--sdk_container_image={image}",
            ]
        case ProcessEnvironment(command=command, variables=variables):
            process = json.dumps({"command": command, "env": dict(variables)})
            return ["--environment_type=PROCESS", f"--environment_config={process}"]
        case ExternalEnvironment(address=address):
            return ["--environment_type=EXTERNAL", f"--environment_config={address}"]
        case LoopbackEnvironment():
            return ["--environment_type=LOOPBACK"]
        case _:
            assert_never(environment)


def _to_dataflow(settings: DataflowBeam) -> Iterator[str]:
    yield "--runner=DataflowRunner"
    values = {
        "project": settings.project,
        "region": settings.region,
        "temp_location": settings.temp_location,
        "staging_location": settings.staging_location,
        "num_workers": settings.workers,
        "max_num_workers": settings.max_workers,
        "worker_machine_type": settings.machine_type,
        "disk_size_gb": settings.disk_gb,
        "service_account_email": settings.service_account,
        "network": settings.network,
        "subnetwork": settings.subnetwork,
        "sdk_container_image": settings.image,
        "setup_file": settings.setup_file,
    }
    yield from (f"--{name}={value}" for name, value in values.items() if value)
    if not settings.public_addresses:
        yield "--no_use_public_ips"
    yield _PLUGIN


def _cores() -> int:
    return os.cpu_count() or 1
