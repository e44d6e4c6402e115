"""What has to hold in a compiled pipeline for the open-source backend to take it."""

import re
from collections.abc import Iterator
from typing import Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

_SCHEMA_VERSION: Final = "2.1.0"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_pipeline(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    """Raises ValueError with all that is wrong: the graph has come to hold something that this compiler cannot do."""
    faults = list(_faults(spec))
    if faults:
        raise ValueError("The compiled pipeline would be refused: " + "; ".join(faults))


def _faults(spec: pipeline_spec_pb2.PipelineSpec) -> Iterator[str]:
    deployment = json_format.ParseDict(
        json_format.MessageToDict(spec.deployment_spec), pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    if spec.schema_version != _SCHEMA_VERSION:
        yield f"schema {spec.schema_version}"
    for name, executor in deployment.executors.items():
        if executor.WhichOneof("spec") != "container":
            yield f"{name}: its executor is no container"
    for name, parameter in spec.root.input_definitions.parameters.items():
        if not parameter.HasField("default_value"):
            yield f"{name}: this parameter has no default"
    for name, task in spec.root.dag.tasks.items():
        if not _NAME.fullmatch(name) or task.task_info.name != name:
            yield f"{name}: this is no name of a task"
        if spec.components[task.component_ref.name].executor_label not in deployment.executors:
            yield f"{name}: it has no executor"
        for producer, output in _producers(task):
            if producer not in spec.root.dag.tasks:
                yield f"{name}: there is no task {producer}"
            elif output not in _outputs(spec, producer):
                yield f"{name}: {producer} has no output {output}"


def _producers(task: pipeline_spec_pb2.PipelineTaskSpec) -> Iterator[tuple[str, str]]:
    """The tasks that this one takes something from, each with the name of the output."""
    for artifact in task.inputs.artifacts.values():
        yield artifact.task_output_artifact.producer_task, artifact.task_output_artifact.output_artifact_key
    for parameter in task.inputs.parameters.values():
        if parameter.HasField("task_output_parameter"):
            yield parameter.task_output_parameter.producer_task, parameter.task_output_parameter.output_parameter_key


def _outputs(spec: pipeline_spec_pb2.PipelineSpec, task: str) -> set[str]:
    outputs = spec.components[spec.root.dag.tasks[task].component_ref.name].output_definitions
    return {*outputs.artifacts, *outputs.parameters}
