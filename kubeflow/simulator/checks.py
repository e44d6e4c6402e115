"""What the backend refuses, found before anything runs.

From the API server (template/v2_template.go), the compiler to Argo (compiler/argocompiler/argo.go and dag.go), the
driver (driver/resolve.go and container.go) and the launchers (component/launcher_v2.go and importer_launcher.go).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.object_uris import MOUNTS, is_object_uri
from kubeflow.simulator.conditions import ConditionError, parse_condition
from kubeflow.simulator.document import CompiledPipeline
from kubeflow.simulator.order import find_cycle, upstream
from schema.errors import ConfigurationError

SCHEMA_VERSION: Final = "2.1.0"
_PIPELINE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_ARGO_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Of Kubernetes configuration tasks, which have no container.
_DUMMY_IMAGES: Final = ("argostub/createpvc", "argostub/deletepvc")
_ROOT: Final = "root"


def check_pipeline(pipeline: CompiledPipeline) -> None:
    """Raises ConfigurationError that names each task that the backend would refuse, and why."""
    reasons = [*_refused_head(pipeline), *_refused_dag(pipeline, _ROOT, pipeline.spec.root, [])]
    if reasons:
        raise ConfigurationError(
            "Kubeflow Pipelines would refuse this pipeline.",
            reasons=reasons,
            fix="compile it with `breast-imaging kubeflow compile`, which knows these rules",
        )


def _refused_head(pipeline: CompiledPipeline) -> Iterator[str]:
    version = pipeline.spec.schema_version
    if version != SCHEMA_VERSION:
        yield f"schemaVersion: it is {version or 'not there'}, and the backend takes {SCHEMA_VERSION} alone"
    if not _PIPELINE_NAME.fullmatch(pipeline.name):
        yield (
            f"pipelineInfo.name: {pipeline.name!r} is not made of small letters, digits and '-' (at most 128), "
            "starting with a letter or digit"
        )
    for label in sorted(set(pipeline.platform) - set(pipeline.executors)):
        yield f"platforms.kubernetes: it sets up {label}, which is no executor of the pipeline"


def _refused_dag(pipeline: CompiledPipeline, where: str, component: Any, above: list[str]) -> Iterator[str]:
    tasks = component.dag.tasks
    if all(is_exit_task(task) for task in tasks.values()):
        yield f"{where}: it has no task but those that run at its end"
    cycle = find_cycle(tasks)
    if cycle:
        yield f"{where}: the tasks {', '.join(cycle)} wait for each other"
    for name, task in sorted(tasks.items()):
        place = name if where == _ROOT else f"{where}/{name}"
        yield from (f"{place}: {reason}" for reason in _refused_task(pipeline, component, name, task))
        inner = pipeline.spec.components.get(task.component_ref.name)
        if inner is None or inner.WhichOneof("implementation") != "dag":
            continue
        if task.component_ref.name in above:
            yield f"{place}: the component {task.component_ref.name} has itself among its tasks"
        else:
            yield from _refused_dag(pipeline, place, inner, [*above, task.component_ref.name])


def _refused_task(pipeline: CompiledPipeline, parent: Any, name: str, task: Any) -> Iterator[str]:
    if not _ARGO_NAME.fullmatch(name):
        yield "the name is not made of small letters, digits and '-', as Argo asks for"
    if not task.task_info.name:
        yield "taskInfo.name is not there (task spec is required)"
    if task.WhichOneof("iterator"):
        yield "loops are not simulated"
    if task.component_ref.name not in pipeline.spec.components:
        yield f"component spec for {task.component_ref.name!r} not found"
        return
    component = pipeline.spec.components[task.component_ref.name]
    yield from _refused_names(pipeline, task.component_ref.name, component)
    yield from _refused_implementation(pipeline, task, component)
    yield from _refused_inputs(pipeline, parent, task, component)
    if task.trigger_policy.condition:
        try:
            parse_condition(task.trigger_policy.condition)
        except ConditionError as error:
            yield str(error)


def _refused_names(pipeline: CompiledPipeline, name: str, component: Any) -> Iterator[str]:
    if not _ARGO_NAME.fullmatch(name):
        yield f"the name of its component, {name!r}, is not made of small letters, digits and '-', as Argo asks for"
    for key, output in sorted(component.output_definitions.artifacts.items()):
        kind = output.artifact_type.WhichOneof("kind")
        if kind not in {"schema_title", "instance_schema"}:
            yield f"the output {key} has {'a schemaUri, which is unsupported' if kind else 'no type'}"


def _refused_implementation(pipeline: CompiledPipeline, task: Any, component: Any) -> Iterator[str]:
    implementation = component.WhichOneof("implementation")
    if implementation == "dag":
        return
    if implementation is None:
        yield "unsupported component implementation kind: it has neither an executor nor tasks"
    elif component.executor_label not in pipeline.executors:
        yield f"executor with label {component.executor_label!r} not found"
    else:
        yield from _refused_executor(pipeline.executor(component), task, component)


def _refused_executor(executor: Any, task: Any, component: Any) -> Iterator[str]:
    kind = executor.WhichOneof("spec")
    if kind == "container":
        yield from _refused_container(executor.container)
    elif kind == "importer":
        yield from _refused_importer(executor.importer, task, component)
    elif kind == "resolver":
        yield "resolver executors not implemented"
    elif kind == "custom_job":
        yield "custom job executors is Google Cloud only, it's not supported"
    else:
        yield "unknown executor spec type"


def _refused_container(container: Any) -> Iterator[str]:
    if not container.image:
        yield "its container has no image"
    elif container.image in _DUMMY_IMAGES:
        yield f"{container.image}: volumes made by the pipeline are not simulated"
    elif not container.command and not container.args:
        yield "command and arguments are empty"


def _refused_importer(importer: Any, task: Any, component: Any) -> Iterator[str]:
    if task.trigger_policy.condition:
        yield "triggerPolicy.condition on importer task is not supported"
    if importer.type_schema.WhichOneof("kind") not in {"schema_title", "instance_schema"}:
        yield "its importer has no type that is known"
    if len(component.output_definitions.artifacts) != 1:
        yield "failed to extract output artifact name from componentOutputSpec: an importer has one output"
    source = importer.artifact_uri.WhichOneof("value")
    uri = importer.artifact_uri.constant.string_value
    if source == "runtime_parameter":
        name = importer.artifact_uri.runtime_parameter
        if name not in task.inputs.parameters:
            yield f"cannot find parameter {name} in task input to fetch artifact uri"
    elif not uri:
        yield "artifact uri not provided"
    elif not is_object_uri(uri):
        yield f"the URI {uri!r} is of no object store that the launcher knows ({', '.join(MOUNTS)})"


def _refused_inputs(pipeline: CompiledPipeline, parent: Any, task: Any, component: Any) -> Iterator[str]:
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


def is_exit_task(task: Any) -> bool:
    """Whether it runs when what it depends on has ended, well or not."""
    return bool(task.trigger_policy.strategy == pb.PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED)
