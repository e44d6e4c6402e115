"""The order of tasks: `addImplicitDependencies` of compiler/argocompiler/dag.go, then Argo's."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2 as pb


def upstream(task: Any) -> set[str]:
    """The tasks that a task waits for: those that it names, and those that make its inputs."""
    makers = [
        source.task_output_artifact.producer_task
        for source in task.inputs.artifacts.values()
        if source.WhichOneof("kind") == "task_output_artifact"
    ]
    makers += [
        source.task_output_parameter.producer_task
        for source in task.inputs.parameters.values()
        if source.WhichOneof("kind") == "task_output_parameter"
    ]
    return {*task.dependent_tasks, *makers}


def in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Names of the tasks, each after what it waits for; by name where that leaves a choice."""
    return list(TopologicalSorter({name: sorted(upstream(tasks[name])) for name in sorted(tasks)}).static_order())


def find_cycle(tasks: Mapping[str, Any]) -> list[str]:
    """Names of tasks that wait for each other; empty where none do."""
    try:
        in_order(tasks)
    except CycleError as error:
        return sorted(set(error.args[1]))
    return []


def is_exit_task(task: Any) -> bool:
    """Whether it runs when what it depends on has ended, well or not."""
    return bool(task.trigger_policy.strategy == pb.PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED)
