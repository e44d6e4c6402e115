"""Names of tasks, components and executors, which become names in Argo: lower case, digits and hyphens.

Components and executors get the prefixes that kfp's own compiler gives them.
"""

import re
from typing import Any, Final

from kfp.pipeline_spec import pipeline_spec_pb2

_NEXT_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TFX_TASK_SUFFIX: Final = "_task"


def task_name(node: str) -> str:
    """`image-example-gen` for the node `ImageExampleGen`."""
    return _NEXT_WORD.sub("-", node).lower()


def executor_name(node: str) -> str:
    return f"exec-{task_name(node)}"


def rename(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    """Gives everything in a specification that TFX has compiled these names."""
    for node in list(spec.components):
        component = spec.components[node]
        executors = spec.deployment_spec["executors"]
        executors[executor_name(node)] = executors[component.executor_label]
        del executors[component.executor_label]
        component.executor_label = executor_name(node)
        _move(spec.components, node, f"comp-{task_name(node)}")
        _rename_task(spec.root.dag.tasks[node], node)
        _move(spec.root.dag.tasks, node, task_name(node))


def _rename_task(task: pipeline_spec_pb2.PipelineTaskSpec, node: str) -> None:
    # The driver finds a producer by this name, so that it has to be the task's key.
    task.task_info.name = task_name(node)
    task.component_ref.name = f"comp-{task_name(node)}"
    task.dependent_tasks[:] = [task_name(other) for other in task.dependent_tasks]
    for artifact in task.inputs.artifacts.values():
        artifact.task_output_artifact.producer_task = task_name(artifact.task_output_artifact.producer_task)
    for parameter in task.inputs.parameters.values():
        if parameter.HasField("task_output_parameter"):
            # TFX writes `X_task`, and there is no such task.
            producer = parameter.task_output_parameter.producer_task.removesuffix(_TFX_TASK_SUFFIX)
            parameter.task_output_parameter.producer_task = task_name(producer)


def _move(messages: Any, old: str, new: str) -> None:
    messages[new].CopyFrom(messages[old])
    del messages[old]
