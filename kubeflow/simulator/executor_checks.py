"""Executors that the compiler to Argo and the launchers would refuse: argocompiler/dag.go, importer_launcher.go."""

from collections.abc import Iterator
from typing import Any, Final

from kubeflow.object_uris import MOUNTS, is_object_uri
from kubeflow.simulator.document import CompiledPipeline

# Of Kubernetes configuration tasks, which have no container.
_DUMMY_IMAGES: Final = ("argostub/createpvc", "argostub/deletepvc")


def refused_implementation(pipeline: CompiledPipeline, task: Any, component: Any) -> Iterator[str]:
    """Why what a component runs would be refused in this task."""
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
