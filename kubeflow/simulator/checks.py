"""What the backend refuses, found before anything runs.

From the API server (template/v2_template.go), the compiler to Argo (compiler/argocompiler/argo.go and dag.go) and the
launcher (component/launcher_v2.go).
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from kubeflow.simulator.conditions import ConditionError, parse_condition
from kubeflow.simulator.document import CompiledPipeline
from kubeflow.simulator.executor_checks import refused_implementation
from kubeflow.simulator.input_checks import refused_inputs
from kubeflow.simulator.order import find_cycle, is_exit_task
from schema.errors import ConfigurationError

SCHEMA_VERSION: Final = "2.1.0"
_PIPELINE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_ARGO_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
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
    yield from refused_implementation(pipeline, task, component)
    yield from refused_inputs(pipeline, parent, task, component)
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
