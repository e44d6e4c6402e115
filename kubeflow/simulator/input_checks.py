"""Inputs that the driver would not resolve: driver/resolve.go and driver/container.go."""

from collections.abc import Iterator
from typing import Any

from kubeflow.simulator.document import CompiledPipeline
from kubeflow.simulator.order import upstream


def refused_inputs(pipeline: CompiledPipeline, parent: Any, task: Any, component: Any) -> Iterator[str]:
    """Why the inputs of a task of this component, in the DAG of the parent component, would be refused."""
    for dependency in sorted(upstream(task)):
        if dependency not in parent.dag.tasks:
            yield f"cannot find producer task {dependency!r}"
    for name, source in sorted(task.inputs.parameters.items()):
        yield from (f"parameter {name}: {reason}" for reason in _refused_parameter(pipeline, parent, source))
    for name, source in sorted(task.inputs.artifacts.items()):
        yield from (f"artifact {name}: {reason}" for reason in _refused_artifact(pipeline, parent, source))
    for name, declared in sorted(component.input_definitions.parameters.items()):
        given = name in task.inputs.parameters or declared.HasField("default_value") or declared.is_optional
        if not given:
            yield f"neither value nor default value provided for non-optional parameter {name!r}"


def _refused_parameter(pipeline: CompiledPipeline, parent: Any, source: Any) -> Iterator[str]:
    kind = source.WhichOneof("kind")
    if kind == "component_input_parameter":
        if source.component_input_parameter not in parent.input_definitions.parameters:
            yield f"parent DAG does not have input parameter {source.component_input_parameter}"
    elif kind == "runtime_value":
        if source.runtime_value.WhichOneof("value") != "constant":
            yield "param runtime value spec other than a constant is not implemented"
    elif kind == "task_output_parameter":
        output = source.task_output_parameter
        producer = _producer(pipeline, parent, output.producer_task)
        if producer is not None and output.output_parameter_key not in producer.output_definitions.parameters:
            yield f"{output.producer_task} has no output parameter {output.output_parameter_key!r}"
    elif kind != "task_final_status":
        yield "it comes from nowhere"


def _refused_artifact(pipeline: CompiledPipeline, parent: Any, source: Any) -> Iterator[str]:
    kind = source.WhichOneof("kind")
    if kind == "component_input_artifact":
        if source.component_input_artifact not in parent.input_definitions.artifacts:
            yield f"parent DAG does not have input artifact {source.component_input_artifact}"
    elif kind == "task_output_artifact":
        output = source.task_output_artifact
        producer = _producer(pipeline, parent, output.producer_task)
        if producer is not None and output.output_artifact_key not in producer.output_definitions.artifacts:
            yield f"cannot find output artifact key {output.output_artifact_key!r} in {output.producer_task!r}"
    else:
        yield "it comes from nowhere"


def _producer(pipeline: CompiledPipeline, parent: Any, task: str) -> Any:
    """The component of a task; None where either is not there, of which another reason tells."""
    if task not in parent.dag.tasks:
        return None
    return pipeline.spec.components.get(parent.dag.tasks[task].component_ref.name)
