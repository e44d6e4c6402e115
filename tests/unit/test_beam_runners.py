"""The engine of a configuration, held against Beam's own parsers of options."""

import json
import os
from typing import Any

import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.pipeline import create_runner
from apache_beam.runners.portability.flink_runner import FlinkRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.portability.spark_runner import SparkRunner

from pipeline.beam_runners import beam_arguments
from pipeline.config import Config, load_config
from schema.errors import ConfigurationError

FLINK = {
    "runner": "flink",
    "job_endpoint": "jobs.example:8099",
    "temp_location": "/shared/temp",
    "environment": {"type": "external", "address": "localhost:50000"},
}
DATAFLOW = {
    "runner": "dataflow",
    "project": "breast",
    "region": "europe-west1",
    "temp_location": "gs://bucket/temp",
    "image": "registry/image:1",
}


def load(**beam: Any) -> Config:
    return load_config("synthetic", [f"beam={json.dumps(beam)}"])


def options_of(**beam: Any) -> PipelineOptions:
    """As Beam reads them, having made sure that it knows them all."""
    arguments = beam_arguments(load(**beam).beam)
    options = PipelineOptions(arguments)
    known = options.get_all_options(drop_default=True)
    assert options.get_all_options(drop_default=True, retain_unknown_options=True) == known
    return options


def refusal(**beam: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(**beam)
    return list(caught.value.reasons)


def without(settings: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def test_nothing_said_is_threads_of_this_process() -> None:
    options = options_of()

    assert options.view_as(StandardOptions).runner == "FnApiRunner"
    assert isinstance(create_runner("FnApiRunner"), FnApiRunner)
    assert options.view_as(DirectOptions).direct_num_workers == os.cpu_count()
    assert options_of().get_all_options() == options_of(runner="local").get_all_options()


@pytest.mark.parametrize(("workers", "mode"), [(1, "in_memory"), (3, "multi_threading")])
def test_threads(workers: int, mode: str) -> None:
    direct = options_of(workers=workers).view_as(DirectOptions)

    assert (direct.direct_num_workers, direct.direct_running_mode) == (workers, mode)


def test_processes() -> None:
    options = options_of(runner="multiprocess", workers=3)

    assert options.view_as(StandardOptions).runner == "pipeline.worker_processes.ProcessRunner"
    direct = options.view_as(DirectOptions)
    assert (direct.direct_num_workers, direct.direct_running_mode) == (3, "multi_processing")
    assert options.view_as(SetupOptions).beam_plugins == ["tfx"]


def test_flink_with_a_job_server_that_runs() -> None:
    options = options_of(**FLINK, workers=8, artifact_endpoint="jobs.example:8098")

    assert isinstance(create_runner(options.view_as(StandardOptions).runner), PortableRunner)
    portable = options.view_as(PortableOptions)
    assert (portable.job_endpoint, portable.artifact_endpoint) == ("jobs.example:8099", "jobs.example:8098")
    assert (portable.environment_type, portable.environment_config) == ("EXTERNAL", "localhost:50000")
    assert options.view_as(FlinkRunnerOptions).parallelism == 8
    assert options.view_as(GoogleCloudOptions).temp_location == "/shared/temp"
    assert options.view_as(SetupOptions).beam_plugins == ["tfx"]
    assert options.view_as(WorkerOptions).sdk_container_image == "unused"


def test_flink_with_a_job_server_of_its_own() -> None:
    settings = without(FLINK, "job_endpoint") | {"master": "flink.example:8081", "job_server_jar": "/jars/server.jar"}
    options = options_of(**settings)

    assert isinstance(create_runner(options.view_as(StandardOptions).runner), FlinkRunner)
    flink = options.view_as(FlinkRunnerOptions)
    assert (flink.flink_master, flink.flink_job_server_jar) == ("flink.example:8081", "/jars/server.jar")
    assert flink.parallelism == -1, "the engine's own"
    assert options.view_as(PortableOptions).job_endpoint is None


def test_containers_are_started_from_the_image() -> None:
    options = options_of(**FLINK | {"environment": {"type": "docker", "image": "registry/image@sha256:0"}})

    portable = options.view_as(PortableOptions)
    assert (portable.environment_type, portable.environment_config) == ("DOCKER", "registry/image@sha256:0")
    assert options.view_as(WorkerOptions).sdk_container_image == "registry/image@sha256:0"


def test_processes_of_an_engine_get_command_variables_and_project() -> None:
    environment = {"type": "process", "command": "/opt/boot", "variables": {"PIP_NO_DEPS": "1"}}
    options = options_of(**FLINK | {"environment": environment, "setup_file": "/src/setup.py"})

    portable = options.view_as(PortableOptions)
    assert portable.environment_type == "PROCESS"
    assert json.loads(portable.environment_config) == {"command": "/opt/boot", "env": {"PIP_NO_DEPS": "1"}}
    assert options.view_as(SetupOptions).setup_file == "/src/setup.py"
    assert options.view_as(WorkerOptions).sdk_container_image is None


def test_loopback() -> None:
    portable = options_of(**FLINK | {"environment": {"type": "loopback"}}).view_as(PortableOptions)

    assert (portable.environment_type, portable.environment_config) == ("LOOPBACK", None)


@pytest.mark.parametrize("master", ["spark://spark.example:7077", "yarn", "local[2]"])
def test_spark_with_a_job_server_of_its_own(master: str) -> None:
    settings = without(FLINK, "job_endpoint") | {"runner": "spark", "master": master, "job_server_jar": "/a.jar"}
    options = options_of(**settings)

    assert isinstance(create_runner(options.view_as(StandardOptions).runner), SparkRunner)
    spark = options.view_as(SparkRunnerOptions)
    assert (spark.spark_master_url, spark.spark_job_server_jar) == (master, "/a.jar")


def test_spark_with_a_job_server_that_runs() -> None:
    options = options_of(**FLINK | {"runner": "spark"})

    assert options.view_as(StandardOptions).runner == "PortableRunner"
    assert options.view_as(PortableOptions).job_endpoint == "jobs.example:8099"


def test_dataflow() -> None:
    options = options_of(
        **DATAFLOW,
        staging_location="gs://bucket/staging",
        workers=2,
        max_workers=20,
        machine_type="n2-highmem-4",
        disk_gb=50,
        service_account="beam@breast.iam.gserviceaccount.com",
        network="hospital",
        subnetwork="regions/europe-west1/subnetworks/beam",
        public_addresses=False,
        setup_file="/src/setup.py",
    )

    assert options.view_as(StandardOptions).runner == "DataflowRunner"
    cloud = options.view_as(GoogleCloudOptions)
    assert (cloud.project, cloud.region) == ("breast", "europe-west1")
    assert (cloud.temp_location, cloud.staging_location) == ("gs://bucket/temp", "gs://bucket/staging")
    assert cloud.service_account_email == "beam@breast.iam.gserviceaccount.com"
    worker = options.view_as(WorkerOptions)
    assert (worker.num_workers, worker.max_num_workers) == (2, 20)
    assert (worker.machine_type, worker.disk_size_gb) == ("n2-highmem-4", 50)
    assert (worker.network, worker.subnetwork) == ("hospital", "regions/europe-west1/subnetworks/beam")
    assert worker.use_public_ips is False
    assert worker.sdk_container_image == "registry/image:1"
    assert options.view_as(SetupOptions).setup_file == "/src/setup.py"
    assert options.view_as(SetupOptions).beam_plugins == ["tfx"]


def test_dataflow_says_only_what_is_configured() -> None:
    arguments = beam_arguments(load(**DATAFLOW).beam)

    assert arguments == [
        "--runner=DataflowRunner",
        "--project=breast",
        "--region=europe-west1",
        "--temp_location=gs://bucket/temp",
        "--sdk_container_image=registry/image:1",
        "--beam_plugin=tfx",
    ]
    assert PipelineOptions(arguments).view_as(WorkerOptions).use_public_ips is None


@pytest.mark.parametrize("settings", [FLINK, FLINK | {"runner": "spark"}])
def test_beam_itself_finds_nothing_wrong(settings: dict[str, Any]) -> None:
    options = options_of(**settings)
    runner = create_runner(options.view_as(StandardOptions).runner)

    assert PipelineOptionsValidator(options, runner).validate() == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"runner": "flnik"}, "beam: runner must be one of local, multiprocess, flink, spark, dataflow"),
        (FLINK | {"workerz": 1}, "beam.workerz: there is no such key; did you mean 'workers'?"),
        ({"runner": "local", "job_endpoint": "a:1"}, "beam.job_endpoint: there is no such key; known keys: runner"),
        ({"project": "breast"}, "beam.project: there is no such key; known keys: runner, workers"),
        (without(FLINK, "temp_location"), "beam.temp_location: this key is needed"),
        (without(FLINK, "environment"), "beam.environment: this key is needed"),
        (FLINK | {"environment": {"type": "docker"}}, "beam.environment.image: this key is needed"),
        (
            FLINK | {"environment": {"type": "docker", "image": "a", "command": "b"}},
            "beam.environment.command: there is no such key; known keys: type, image",
        ),
        (FLINK | {"environment": {"type": "kubernetes"}}, "beam.environment: Input tag 'kubernetes'"),
        (FLINK | {"environment": {"type": "external", "address": "pool"}}, "beam.environment.address: String should"),
        (FLINK | {"job_endpoint": "http://jobs.example:8099"}, "beam.job_endpoint: String should match"),
        (without(FLINK, "job_endpoint"), "beam: Value error, give either job_endpoint"),
        (FLINK | {"job_server_jar": "/a.jar", "master": "a:1"}, "beam: Value error, give either job_endpoint"),
        (
            without(FLINK, "job_endpoint") | {"job_server_jar": "/a.jar"},
            "beam: Value error, master and job_server_jar go together",
        ),
        (FLINK | {"master": "flink.example:8081"}, "beam: Value error, master and job_server_jar go together"),
        (
            without(FLINK, "job_endpoint")
            | {"job_server_jar": "/a.jar", "master": "a:1", "artifact_endpoint": "a:2"},
            "beam: Value error, artifact_endpoint belongs to a job_endpoint",
        ),
        (
            FLINK | {"environment": {"type": "loopback"}, "setup_file": "setup.py"},
            "beam: Value error, setup_file is of no use",
        ),
        (FLINK | {"temp_location": "shared/temp"}, "beam.temp_location: String should match"),
        (FLINK | {"runner": "spark", "workers": 3}, "beam.workers: there is no such key"),
        (
            without(FLINK, "job_endpoint") | {"runner": "spark", "job_server_jar": "/a.jar", "master": "host:7077"},
            "beam.master: String should match",
        ),
        (without(DATAFLOW, "project"), "beam.project: this key is needed"),
        (DATAFLOW | {"temp_location": "/shared"}, "beam.temp_location: String should match"),
        (without(DATAFLOW, "image"), "beam: Value error, workers do not have this project"),
        (DATAFLOW | {"workers": 3, "max_workers": 2}, "beam: Value error, 3 workers are more than max_workers, 2"),
        (DATAFLOW | {"environment": {"type": "loopback"}}, "beam.environment: there is no such key"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], reason: str) -> None:
    [found] = refusal(**settings)

    assert found.startswith(reason)


@pytest.mark.parametrize("settings", [{}, {"runner": "multiprocess", "workers": 2}, FLINK, DATAFLOW])
def test_an_engine_survives_yaml(settings: dict[str, Any]) -> None:
    config = load(**settings)

    assert Config.model_validate_json(config.model_dump_json()) == config
