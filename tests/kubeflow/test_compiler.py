"""The compiled pipeline: what the backend reads in it, and that it takes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2

from kubeflow import kubeflow_runner
from kubeflow.compiler import compile_pipeline
from kubeflow.names import task_name
from kubeflow.package import Package, write_package
from kubeflow.validation import check_pipeline
from pipeline.config import load_config, shipped_configs
from pipeline.kubeflow_settings import COMPONENTS
from schema.errors import EXIT_BAD_CONFIGURATION, ConfigurationError

IMAGE = f"registry.example:5000/imaging/breast-imaging@sha256:{'a' * 64}"
CLASSES = {"data.labels": "[benign, malignant]", "data.positive_label": "malignant"}
TASKS = {
    "image-example-gen",
    "import-schema-gen",
    "statistics-gen",
    "example-validator",
    "latest-accepted-data",
    "data-gate",
    "accepted-data-keeper",
    "transform",
    "trainer",
    "latest-blessed-model",
    "evaluator",
    "clinical-evaluator",
    "card-writer",
    "pusher",
    "run-report",
}


def _compile(name: str, **changes: object) -> Package:
    return compile_pipeline(load_config(name, [f"{key}={value}" for key, value in changes.items()]), IMAGE)


@pytest.fixture(scope="module")
def package() -> Package:
    return _compile("synthetic")


@pytest.fixture(scope="module")
def busy() -> Package:
    """With all steps that there are, but for the Tuner, and with every setting."""
    return _compile(
        "busi_mobilenet",
        **{
            "train.warm_start": "true",
            "kubeflow.components": "{Trainer: {gpus: 1, memory: 24Gi}, ImageExampleGen: {cpu: 3500m}}",
            "kubeflow.gpu.node_selector": "{accelerator: a100}",
            "kubeflow.gpu.tolerations": "[{key: nvidia.com/gpu, effect: NoSchedule}]",
            "kubeflow.environment": "{S3_ENDPOINT: minio.example}",
            "kubeflow.secret_variables": "[{secret: minio, keys: {AWS_ACCESS_KEY_ID: accesskey}}]",
            "kubeflow.secret_files": "{gcs-key: /mnt/gcs}",
            "kubeflow.image_pull_secrets": "[registry]",
            "kubeflow.volumes": "{weights: /mnt/weights}",
            "kubeflow.retry.attempts": 3,
            "kubeflow.pipeline_root": "s3://bucket/runs",
        },
    )


def _executor(package: Package, task: str) -> dict[str, Any]:
    container: dict[str, Any] = json_format.MessageToDict(package.pipeline.deployment_spec)["executors"][
        f"exec-{task}"
    ]["container"]
    return container


def _platform(package: Package, task: str) -> dict[str, Any]:
    document = json_format.MessageToDict(package.platform)
    config: dict[str, Any] = document["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{task}"]
    return config


def _parameter(package: Package, task: str, name: str) -> Any:
    found = package.pipeline.root.dag.tasks[task].inputs.parameters[name]
    return found.component_input_parameter or json_format.MessageToDict(found.runtime_value.constant)


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_configuration_compiles(name: str, tmp_path: Path) -> None:
    changes = CLASSES if name in {"csv", "image_folder", "split_folder"} else {}

    write_package(_compile(name, **changes), tmp_path / "pipeline.yaml")

    # kfp refuses unknown fields, and makes a component of all that it understands.
    loaded = components.load_component_from_file(str(tmp_path / "pipeline.yaml"))
    assert loaded.name == "breast-imaging"
    assert set(loaded.pipeline_spec.root.dag.tasks) >= TASKS
    assert set(loaded.platform_spec.platforms) == {"kubernetes"}


def test_tasks_components_and_executors_have_names_that_argo_takes(package: Package) -> None:
    spec = package.pipeline
    assert set(spec.root.dag.tasks) == TASKS
    assert set(spec.components) == {f"comp-{name}" for name in TASKS}
    assert set(spec.deployment_spec["executors"]) == {f"exec-{name}" for name in TASKS}
    for name, task in spec.root.dag.tasks.items():
        assert (task.task_info.name, task.component_ref.name) == (name, f"comp-{name}")
        assert spec.components[f"comp-{name}"].executor_label == f"exec-{name}"


def test_the_settings_know_every_step_that_there_is(busy: Package) -> None:
    tuned = _compile("synthetic", tuning="{trials: 2, learning_rate: {low: 0.0001, high: 0.01}}")
    tasks = {*busy.pipeline.root.dag.tasks, *tuned.pipeline.root.dag.tasks}
    assert tasks == {task_name(component) for component in COMPONENTS}


def test_every_step_runs_our_entrypoint_in_the_image_that_was_named(package: Package) -> None:
    for task in TASKS:
        container = _executor(package, task)
        assert container["image"] == IMAGE
        assert container["command"] == ["python", "-m", "kubeflow.entrypoint"]
        assert "{{$}}" in container["args"]
    assert "components.clinical_evaluator.executor.Executor" in _executor(package, "clinical-evaluator")["args"]


def test_nothing_in_it_is_of_the_machine_that_compiled_it(package: Package) -> None:
    assert str(Path(__file__).resolve().parents[2]) not in str(package.pipeline)
    assert _parameter(package, "import-schema-gen", "schema_file") == "schema.pbtxt"


def test_folders_are_parameters_of_a_run_with_defaults(package: Package) -> None:
    found = package.pipeline.root.input_definitions.parameters
    assert {name: parameter.default_value.string_value for name, parameter in found.items()} == {
        "data_directory": "/mnt/data",
        "data_fingerprint": "",
        "serving_directory": "/mnt/models",
        "history_directory": "/mnt/history",
    }
    assert {parameter.parameter_type for parameter in found.values()} == {pipeline_spec_pb2.ParameterType.STRING}
    assert all(parameter.HasField("default_value") and parameter.description for parameter in found.values())


@pytest.mark.parametrize(
    ("task", "name", "value"),
    [
        ("image-example-gen", "input_base", "data_directory"),
        ("image-example-gen", "data_fingerprint", "data_fingerprint"),
        ("latest-accepted-data", "history_directory", "history_directory"),
        ("accepted-data-keeper", "history_directory", "history_directory"),
        ("latest-blessed-model", "serving_directory", "serving_directory"),
        ("latest-blessed-model", "model_name", "breast_imaging"),
        ("latest-blessed-model", "labels", '["benign", "malignant"]'),
        ("pusher", "serving_directory", "serving_directory"),
        ("pusher", "model_name", "breast_imaging"),
    ],
)
def test_steps_get_these_parameters(package: Package, task: str, name: str, value: str) -> None:
    assert _parameter(package, task, name) == value


def test_the_pusher_waits_for_both_blessings_and_has_no_condition(package: Package) -> None:
    task = package.pipeline.root.dag.tasks["pusher"]
    producers = {
        key: (each.task_output_artifact.producer_task, each.task_output_artifact.output_artifact_key)
        for key, each in task.inputs.artifacts.items()
    }
    assert producers["model_blessing"] == ("evaluator", "blessing")
    assert producers["clinical_blessing"] == ("clinical-evaluator", "blessing")
    assert not any(each.HasField("trigger_policy") for each in package.pipeline.root.dag.tasks.values())


def test_the_gate_stands_before_whatever_learns_and_before_what_is_kept(package: Package) -> None:
    tasks = package.pipeline.root.dag.tasks
    assert "data-gate" in tasks["transform"].dependent_tasks
    assert tasks["accepted-data-keeper"].inputs.artifacts["report"].task_output_artifact.producer_task == "data-gate"


def test_what_looks_beyond_its_artifacts_is_never_taken_from_the_cache(busy: Package) -> None:
    tasks = busy.pipeline.root.dag.tasks
    assert {name for name, task in tasks.items() if not task.caching_options.enable_cache} == {
        "image-example-gen",
        "heat-map-evaluator",
        "latest-accepted-data",
        "accepted-data-keeper",
        "latest-blessed-model",
        "warm-start-model",
        "weights-keeper",
        "pusher",
    }


def test_all_but_the_gate_are_tried_again(busy: Package) -> None:
    tasks = busy.pipeline.root.dag.tasks
    assert {name for name, task in tasks.items() if not task.HasField("retry_policy")} == {"data-gate"}
    assert json_format.MessageToDict(tasks["trainer"].retry_policy) == {
        "maxRetryCount": 3,
        "backoffDuration": "60s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "600s",
    }


def test_steps_get_what_the_configuration_gives_them(busy: Package) -> None:
    usual = {
        "resourceCpuRequest": "2",
        "resourceCpuLimit": "2",
        "resourceMemoryRequest": "8Gi",
        "resourceMemoryLimit": "8Gi",
    }
    assert _executor(busy, "run-report")["resources"] == usual
    assert _executor(busy, "trainer")["resources"] == usual | {
        "resourceMemoryRequest": "24Gi",
        "resourceMemoryLimit": "24Gi",
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
    }
    assert _executor(busy, "feature-extractor")["env"] == [{"name": "S3_ENDPOINT", "value": "minio.example"}]


def test_beam_has_a_thread_for_each_whole_processor(busy: Package) -> None:
    assert "--direct_num_workers=3" in _executor(busy, "image-example-gen")["args"]
    assert "--direct_num_workers=2" in _executor(busy, "statistics-gen")["args"]
    assert not any("direct_num_workers" in argument for argument in _executor(busy, "trainer")["args"])


def test_processes_of_a_step_are_as_many_as_its_processors() -> None:
    args = _executor(_compile("synthetic", **{"beam.runner": "multiprocess"}), "statistics-gen")["args"]

    assert {"--direct_num_workers=2", "--direct_running_mode=multi_processing"} <= set(args)


def test_an_engine_that_does_not_see_pods_is_refused() -> None:
    beam = "{runner: flink, job_endpoint: 'jobs:8099', temp_location: /mnt, environment: {type: loopback}}"

    with pytest.raises(ConfigurationError, match="workers of flink see nothing") as caught:
        _compile("synthetic", beam=beam)
    assert caught.value.exit_code == EXIT_BAD_CONFIGURATION


def test_volumes_secrets_and_nodes_are_in_the_second_document(busy: Package) -> None:
    def constant(value: str) -> dict[str, Any]:
        return {"runtimeValue": {"constant": value}}

    claims = {"data": "/mnt/data", "models": "/mnt/models", "history": "/mnt/history", "weights": "/mnt/weights"}
    usual = {
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecret": [{"secretName": "registry", "secretNameParameter": constant("registry")}],
        "emptyDirMounts": [{"volumeName": "scratch", "mountPath": "/tmp", "sizeLimit": "20Gi"}],
        "pvcMount": [
            {"constant": claim, "pvcNameParameter": constant(claim), "mountPath": path}
            for claim, path in claims.items()
        ],
        "secretAsEnv": [
            {
                "secretName": "minio",
                "secretNameParameter": constant("minio"),
                "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}],
            }
        ],
        "secretAsVolume": [
            {"secretName": "gcs-key", "secretNameParameter": constant("gcs-key"), "mountPath": "/mnt/gcs"}
        ],
    }
    assert _platform(busy, "run-report") == usual
    assert _platform(busy, "trainer") == usual | {
        "nodeSelector": {"labels": {"accelerator": "a100"}},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    assert set(busy.platform.platforms["kubernetes"].deployment_spec.executors) == set(
        busy.pipeline.deployment_spec["executors"]
    )


def test_the_report_has_what_the_ui_draws(package: Package) -> None:
    outputs = package.pipeline.components["comp-run-report"].output_definitions.artifacts
    titles = {name: yaml.safe_load(output.artifact_type.instance_schema)["title"] for name, output in outputs.items()}
    assert titles == {
        "report": "breast_imaging.RunReport",
        "html": "system.HTML",
        "metrics": "system.Metrics",
        "classification_metrics": "system.ClassificationMetrics",
    }


def test_artifacts_go_where_the_configuration_says(busy: Package) -> None:
    assert busy.pipeline.default_pipeline_root == "s3://bucket/runs"
    assert busy.pipeline.schema_version == "2.1.0"


def test_the_same_input_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    write_package(package, tmp_path / "one.yaml")
    write_package(_compile("synthetic"), tmp_path / "two.yaml")

    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.yaml", "two.yaml"]


def test_a_file_that_cannot_be_written_leaves_what_was_there(package: Package, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no YAML file"):
        write_package(package, tmp_path / "pipeline.json")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_package(package, tmp_path / "absent" / "pipeline.yaml")
    assert list(tmp_path.iterdir()) == []


def _without_task(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    del spec.root.dag.tasks["trainer"]


def _without_output(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    del spec.components["comp-evaluator"].output_definitions.artifacts["blessing"]


def _with_resolver(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    executor = spec.deployment_spec["executors"]["exec-latest-blessed-model"]
    executor.Clear()
    executor.update({"resolver": {}})


def _without_default(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    spec.root.input_definitions.parameters["data_directory"].ClearField("default_value")


def _with_capitals(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    spec.root.dag.tasks["Late"].CopyFrom(spec.root.dag.tasks["import-schema-gen"])


def _of_old_schema(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    spec.schema_version = "2.0.0"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_without_task, "there is no task trainer"),
        (_without_output, "evaluator has no output blessing"),
        (_with_resolver, "exec-latest-blessed-model: its executor is no container"),
        (_without_default, "data_directory: this parameter has no default"),
        (_with_capitals, "Late: this is no name of a task"),
        (_of_old_schema, "schema 2.0.0"),
    ],
)
def test_what_the_backend_refuses_is_refused_here(
    package: Package, spoil: Callable[[pipeline_spec_pb2.PipelineSpec], None], reason: str
) -> None:
    spec = pipeline_spec_pb2.PipelineSpec()
    spec.CopyFrom(package.pipeline)
    check_pipeline(spec)
    spoil(spec)

    with pytest.raises(ValueError, match=reason):
        check_pipeline(spec)


def test_the_runner_compiles_what_the_environment_says(tmp_path: Path, package: Package) -> None:
    environment = {"BREAST_IMAGING_IMAGE": IMAGE, "BREAST_IMAGING_OUTPUT": str(tmp_path / "runner.yaml")}

    assert kubeflow_runner.main(environment) == 0
    write_package(package, tmp_path / "command.yaml")
    assert (tmp_path / "runner.yaml").read_bytes() == (tmp_path / "command.yaml").read_bytes()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "No image is named."),
        ({"BREAST_IMAGING_IMAGE": "registry.example/x:latest"}, "the tag latest moves"),
        ({"BREAST_IMAGING_IMAGE": IMAGE, "BREAST_IMAGING_SET": "kubeflow.pipeline_root=/tmp"}, "pipeline_root"),
    ],
)
def test_the_runner_tells_what_is_wrong(
    environment: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kubeflow_runner.main(environment) == EXIT_BAD_CONFIGURATION
    assert message in capsys.readouterr().err


def test_a_metadata_server_is_refused_where_the_platform_has_its_own_store() -> None:
    server = {
        "backend": "mysql",
        "namespace": "a",
        "host": "db",
        "database": "m",
        "user": "u",
        "password_from": "env:P",
    }
    with pytest.raises(ConfigurationError, match="write to its own metadata store") as caught:
        _compile("synthetic", metadata=server)
    assert "metadata={backend: sqlite}" in caught.value.fix
