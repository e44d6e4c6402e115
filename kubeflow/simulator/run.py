"""One run of a compiled pipeline: which tasks start, and in which order (compiler/argocompiler/dag.go)."""

import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.simulator import driver
from kubeflow.simulator.conditions import ConditionError, holds
from kubeflow.simulator.driver import DriverError, Scope
from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.order import in_order, is_exit_task, upstream
from kubeflow.simulator.tasks import FAILED_CODE, TaskRunner


class Watcher(Protocol):
    """Is told how a run goes."""

    def started(self, task: str) -> None: ...

    def finished(self, execution: Execution) -> None: ...


@dataclass
class Simulation:
    """Attributes: runner: of single tasks; watcher: is told of each; ended: the tasks that have, in their order."""

    runner: TaskRunner
    watcher: Watcher
    ended: list[Execution] = field(default_factory=list)

    def run(self) -> None:
        """Runs all tasks. After the first that fails, only exit handlers of what has started are run."""
        root = self.runner.pipeline.spec.root
        self._run_dag("", root, Scope(self.runner.info, self.runner.parameters, {}))

    def _run_dag(self, path: str, component: Any, scope: Scope) -> None:
        tasks = component.dag.tasks
        order = in_order(tasks)
        for name in [name for name in order if not is_exit_task(tasks[name])]:
            scope.executions[name] = self._run_task(path + name, name, tasks[name], scope)
        for name in [name for name in order if is_exit_task(tasks[name])]:
            scope.executions[name] = self._run_exit_task(path + name, name, tasks[name], scope)

    def _run_task(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        if any(execution.status is Status.FAILED for execution in self.ended):
            return self._skip(path, "another task has failed")
        for other in sorted(upstream(task)):
            if not scope.executions[other].completed:
                return self._skip(path, f"{other} was {scope.executions[other].status}")
        return self._execute(path, name, task, scope)

    def _run_exit_task(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        """Whatever became of what it depends on, but for what never started: it is a lifecycle hook of Argo."""
        if all(scope.executions[other].status is Status.SKIPPED for other in upstream(task)):
            return self._skip(path, "what it handles the end of was skipped")
        return self._execute(path, name, task, scope)

    def _execute(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        component = self.runner.pipeline.spec.components[task.component_ref.name]
        condition = task.trigger_policy.condition
        start = time.monotonic()
        try:
            executor_input = driver.resolve_inputs(name, task, component, scope)
            if condition and not holds(condition, executor_input):
                return self._skip(path, f"not {condition}")
            if component.WhichOneof("implementation") == "dag":
                return self._run_inner(path, component, executor_input)
            self.watcher.started(path)
            execution = self.runner.run(path, task, component, executor_input)
        except (DriverError, ConditionError) as error:
            execution = Execution(path, Status.FAILED, exit_code=FAILED_CODE, reason=str(error))
        return self._record(replace(execution, seconds=time.monotonic() - start))

    def _run_inner(self, path: str, component: Any, executor_input: Any) -> Execution:
        """A DAG that is a task. It is not among those that have ended: its own tasks are."""
        inputs = executor_input.inputs
        scope = Scope(self.runner.info, dict(inputs.parameter_values), dict(inputs.artifacts))
        self._run_dag(f"{path}/", component, scope)
        if any(execution.status is Status.FAILED for execution in scope.executions.values()):
            return Execution(path, Status.FAILED)
        return Execution(path, Status.SUCCEEDED, _outputs(component.dag, scope))

    def _skip(self, path: str, reason: str) -> Execution:
        return self._record(Execution(path, Status.SKIPPED, reason=reason))

    def _record(self, execution: Execution) -> Execution:
        self.ended.append(execution)
        self.watcher.finished(execution)
        return execution


def _outputs(dag: Any, scope: Scope) -> Any:
    """What a DAG hands on of the outputs of its tasks."""
    outputs = pb.ExecutorOutput()
    for name, found in dag.outputs.artifacts.items():
        for selector in found.artifact_selectors:
            inner = scope.executions[selector.producer_subtask].outputs
            outputs.artifacts[name].artifacts.extend(inner.artifacts[selector.output_artifact_key].artifacts)
    for name, parameter in dag.outputs.parameters.items():
        selector = parameter.value_from_parameter
        inner = scope.executions[selector.producer_subtask].outputs
        outputs.parameter_values[name].CopyFrom(inner.parameter_values[selector.output_parameter_key])
    return outputs
