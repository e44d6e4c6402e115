"""What the driver decides of a task before its container runs: driver/resolve.go and driver.go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.values import RefusedValueError, value_to_text

# Where the launcher looks for outputs (`OutputMetadataFilepath` of component/launcher_v2.go; `provisionOutputs`).
OUTPUT_FILE: Final = "/tmp/kfp_outputs/output_metadata.json"  # noqa: S108
OUTPUT_PARAMETERS: Final = "/tmp/kfp/outputs"  # noqa: S108

_KINDS: Final = {
    "number_value": ("NUMBER_DOUBLE", "NUMBER_INTEGER"),
    "bool_value": ("BOOLEAN",),
    "list_value": ("LIST",),
    "struct_value": ("STRUCT", "TASK_FINAL_STATUS"),
}
_STATES: Final = {
    Status.SUCCEEDED: "COMPLETE",
    Status.CACHED: "CACHED",
    Status.KEPT: "COMPLETE",
    Status.FAILED: "FAILED",
    Status.SKIPPED: "CANCELED",
}


class DriverError(ValueError):
    """Inputs that the driver does not take; its message is the driver's."""


@dataclass(frozen=True)
class RunInfo:
    """Attributes: pipeline, run: its name and the run's id; root: URI below which its artifacts are written."""

    pipeline: str
    run: str
    root: str


@dataclass
class Scope:
    """What the tasks of one DAG see.

    Attributes:
        info: of the run.
        parameters: the inputs of the DAG, Values by name.
        artifacts: the same, ArtifactLists.
        executions: the tasks of the DAG that have ended.
    """

    info: RunInfo
    parameters: Mapping[str, Any]
    artifacts: Mapping[str, Any]
    executions: dict[str, Execution] = field(default_factory=dict)


def resolve_inputs(name: str, task: Any, component: Any, scope: Scope) -> Any:
    """The inputs of a task, an ExecutorInput. Raises DriverError as the driver fails."""
    executor_input = pb.ExecutorInput()
    for key, source in task.inputs.parameters.items():
        value = _parameter(name, source, task, scope)
        if source.parameter_expression_selector:
            raise DriverError(f"parameter {key!r}: expression selectors are not simulated")
        if value.WhichOneof("kind") != "null_value":
            executor_input.inputs.parameter_values[key].CopyFrom(value)
        elif not component.input_definitions.parameters[key].is_optional:
            raise DriverError(f"the resolved input parameter is null: {key}")
    for key, declared in component.input_definitions.parameters.items():
        _convert(key, declared, executor_input.inputs.parameter_values)
    for key, source in task.inputs.artifacts.items():
        executor_input.inputs.artifacts[key].CopyFrom(_artifacts(source, scope))
    return executor_input


def provision_outputs(outputs: Any, task: Any, component: Any, info: RunInfo, salt: str) -> None:
    """Fills in, in place, where the outputs of a task are to be written."""
    outputs.output_file = OUTPUT_FILE
    for key, declared in component.output_definitions.artifacts.items():
        artifact = outputs.artifacts[key].artifacts.add()
        artifact.uri = f"{info.root}/{task.task_info.name}/{salt}/{key}"
        artifact.type.CopyFrom(declared.artifact_type)
        if declared.HasField("metadata"):
            artifact.metadata.CopyFrom(declared.metadata)
    for key in component.output_definitions.parameters:
        outputs.parameters[key].output_file = f"{OUTPUT_PARAMETERS}/{key}"


def _parameter(name: str, source: Any, task: Any, scope: Scope) -> Any:
    match source.WhichOneof("kind"):
        case "component_input_parameter":
            return scope.parameters[source.component_input_parameter]
        case "task_output_parameter":
            output = source.task_output_parameter
            found = _outputs_of(output.producer_task, scope).parameter_values
            if output.output_parameter_key not in found:
                raise DriverError(f"{output.producer_task} has given no parameter {output.output_parameter_key!r}")
            return found[output.output_parameter_key]
        case "task_final_status":
            return _final_status(task, scope)
    return _constant(name, source.runtime_value.constant, scope.info)


def _constant(name: str, value: Any, info: RunInfo) -> Any:
    """The value; where it is a placeholder, and nothing else, what that stands for."""
    meanings = {
        "{{$.pipeline_job_name}}": f"{info.pipeline} {info.run}",
        "{{$.pipeline_job_resource_name}}": f"{info.pipeline}-{info.run}",
        "{{$.pipeline_job_uuid}}": info.run,
        "{{$.pipeline_task_name}}": name,
        "{{$.pipeline_task_uuid}}": f"{info.run}-{name}",
    }
    if value.string_value in meanings:
        return struct_pb2.Value(string_value=meanings[value.string_value])
    return value


def _final_status(task: Any, scope: Scope) -> Any:
    if not task.dependent_tasks:
        raise DriverError(f"task {task.task_info.name} has no dependent tasks")
    producer = scope.executions[task.dependent_tasks[0]]
    value = struct_pb2.Value()
    value.struct_value.update(
        {
            "state": _STATES[producer.status],
            "pipelineTaskName": producer.task,
            "pipelineJobResourceName": f"{scope.info.pipeline}-{scope.info.run}",
            "error": {},
        }
    )
    return value


def _artifacts(source: Any, scope: Scope) -> Any:
    if source.WhichOneof("kind") == "component_input_artifact":
        return scope.artifacts[source.component_input_artifact]
    output = source.task_output_artifact
    return _outputs_of(output.producer_task, scope).artifacts[output.output_artifact_key]


def _outputs_of(task: str, scope: Scope) -> Any:
    execution = scope.executions[task]
    if not execution.completed:
        raise DriverError(f"producer task {task!r} was {execution.status}, so it has no outputs")
    return execution.outputs


def _convert(key: str, declared: Any, values: Any) -> None:
    """Checks a value against the type that the component declares; what asks for a string gets any value as text."""
    if key not in values:
        return
    parameter_type = pb.ParameterType.ParameterTypeEnum.Name(declared.parameter_type)
    kind = values[key].WhichOneof("kind")
    if parameter_type == "STRING":
        try:
            values[key].CopyFrom(struct_pb2.Value(string_value=value_to_text(values[key])))
        except RefusedValueError as error:
            raise DriverError(f"converting input parameter {key!r} to string: {error}") from error
    elif parameter_type not in _KINDS.get(kind, ()):
        got = kind.removesuffix("_value") if kind else "nothing"
        raise DriverError(f"input parameter {key!r} type mismatch: expect {parameter_type}, got {got}")
