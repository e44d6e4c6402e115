"""One run of a compiled pipeline: its tasks in their order, as Argo, the driver and the launcher run them."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.artifact_schema import title
from kubeflow.object_uris import is_object_uri
from kubeflow.simulator import driver
from kubeflow.simulator.checks import is_exit_task
from kubeflow.simulator.conditions import ConditionError, holds
from kubeflow.simulator.document import CompiledPipeline
from kubeflow.simulator.driver import DriverError, RunInfo, Scope
from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.launcher import LauncherError, launch
from kubeflow.simulator.order import in_order, upstream
from kubeflow.simulator.pod import Pod
from kubeflow.simulator.store import Store
from kubeflow.simulator.volumes import VolumeError, claims, empty_folders

_FAILED: Final = 1
_TAIL_LINES: Final = 40
_TAIL_BYTES: Final = 64 << 10


class Watcher(Protocol):
    """Is told how a run goes."""

    def started(self, task: str) -> None: ...

    def finished(self, execution: Execution) -> None: ...


class Cache(Protocol):
    """What `Store` has for it. A run that may not use the cache has one that knows and keeps nothing."""

    def cached(self, pipeline: str, fingerprint: str) -> Any: ...

    def remember(self, pipeline: str, fingerprint: str, outputs: Any) -> None: ...


@dataclass
class Simulation:
    """Attributes:
    pipeline: as `check_pipeline` has passed it.
    info: of this run.
    parameters: of this run, Values by name.
    store: where everything is kept.
    cache: the store, or `NoCache`.
    volumes: folders for claims; others lie in the store.
    watcher: is told of each task.
    """

    pipeline: CompiledPipeline
    info: RunInfo
    parameters: Mapping[str, Any]
    store: Store
    cache: Cache
    volumes: Mapping[str, Path]
    watcher: Watcher

    def run(self) -> list[Execution]:
        """The tasks that hold containers or importers, in the order in which they ended.

        After the first that fails, only exit handlers of what has started are run, and the rest is skipped.
        """
        self._ended: list[Execution] = []
        self._run_dag("", self.pipeline.spec.root, Scope(self.info, self.parameters, {}))
        return self._ended

    def _run_dag(self, path: str, component: Any, scope: Scope) -> None:
        tasks = component.dag.tasks
        order = in_order(tasks)
        for name in [name for name in order if not is_exit_task(tasks[name])]:
            scope.executions[name] = self._run_task(path + name, name, tasks[name], scope)
        for name in [name for name in order if is_exit_task(tasks[name])]:
            scope.executions[name] = self._run_exit_task(path + name, name, tasks[name], scope)

    def _run_task(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        if any(execution.status is Status.FAILED for execution in self._ended):
            return self._end(path, Status.SKIPPED, reason="another task has failed")
        waiting = [other for other in sorted(upstream(task)) if not scope.executions[other].completed]
        if waiting:
            return self._end(path, Status.SKIPPED, reason=f"{waiting[0]} was {scope.executions[waiting[0]].status}")
        return self._execute(path, name, task, scope)

    def _run_exit_task(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        """Whatever became of what it depends on, but for what never started (a lifecycle hook of Argo)."""
        if all(scope.executions[other].status is Status.SKIPPED for other in upstream(task)):
            return self._end(path, Status.SKIPPED, reason="what it handles the end of was skipped")
        return self._execute(path, name, task, scope)

    def _execute(self, path: str, name: str, task: Any, scope: Scope) -> Execution:
        component = self.pipeline.spec.components[task.component_ref.name]
        is_dag = component.WhichOneof("implementation") == "dag"
        if not is_dag:
            self.watcher.started(path)
        start = time.monotonic()
        try:
            executor_input = driver.resolve_inputs(name, task, component, scope)
            condition = task.trigger_policy.condition
            if condition and not holds(condition, executor_input):
                return self._end(path, Status.SKIPPED, start=start, reason=f"not {condition}")
            if is_dag:
                return self._run_inner(path, component, executor_input)
            if self.pipeline.executor(component).WhichOneof("spec") == "importer":
                return self._run_importer(path, component, executor_input, start)
            return self._run_container(path, task, component, executor_input, start)
        except (DriverError, ConditionError, VolumeError, LauncherError) as error:
            return self._end(path, Status.FAILED, start=start, exit_code=_FAILED, reason=str(error))

    def _run_inner(self, path: str, component: Any, executor_input: Any) -> Execution:
        scope = Scope(self.info, dict(executor_input.inputs.parameter_values), dict(executor_input.inputs.artifacts))
        self._run_dag(f"{path}/", component, scope)
        inner = [scope.executions[name] for name in component.dag.tasks]
        failed = any(execution.status is Status.FAILED for execution in inner)
        outputs = pb.ExecutorOutput() if failed else _outputs_of_dag(component.dag, scope)
        return Execution(path, Status.FAILED if failed else Status.SUCCEEDED, 0.0, outputs)

    def _run_importer(self, path: str, component: Any, executor_input: Any, start: float) -> Execution:
        """As importer_launcher.go: an artifact with this URI, which was there before where it is not to be anew."""
        importer = self.pipeline.executor(component).importer
        parameters = executor_input.inputs.parameter_values
        uri = importer.artifact_uri.constant.string_value or (
            parameters[importer.artifact_uri.runtime_parameter].string_value
        )
        if not is_object_uri(uri):
            raise DriverError(f"the URI {uri!r} is of no object store that the launcher knows")
        [key] = component.output_definitions.artifacts
        identity = hashlib.sha256(importer.SerializeToString(deterministic=True) + uri.encode()).hexdigest()
        outputs = None if importer.reimport else self.store.cached(self.pipeline.name, identity)
        if outputs is None:
            artifact = pb.RuntimeArtifact(name=self.store.next_artifact_id(), uri=uri, metadata=importer.metadata)
            outputs = pb.ExecutorOutput(artifacts={key: pb.ArtifactList(artifacts=[artifact])})
            self.store.remember(self.pipeline.name, identity, outputs)
        return self._end(path, Status.SUCCEEDED, start=start, outputs=outputs, component=component)

    def _run_container(self, path: str, task: Any, component: Any, executor_input: Any, start: float) -> Execution:
        settings = self.pipeline.platform.get(component.executor_label, {})
        container = self.pipeline.executor(component).container
        mounted = claims(settings, self.parameters)
        salt = f"{len(self._ended) + 1}"
        driver.provision_outputs(executor_input.outputs, task, component, self.info, salt)
        fingerprint = driver.fingerprint(executor_input, component, container, list(mounted.values()))
        if task.caching_options.enable_cache:
            outputs = self.cache.cached(self.pipeline.name, fingerprint)
            if outputs is not None:
                return self._end(path, Status.CACHED, start=start, outputs=outputs, component=component)
        pod = Pod(self.store.pods / path.replace("/", "."), self._mounts(mounted), empty_folders(settings))
        execution = self._attempt(path, task, component, executor_input, pod, start)
        if execution.completed and task.caching_options.enable_cache:
            self.cache.remember(self.pipeline.name, fingerprint, execution.outputs)
        return execution

    def _attempt(
        self, path: str, task: Any, component: Any, executor_input: Any, pod: Pod, start: float
    ) -> Execution:
        """Runs the container as often as its retry policy allows; the time between attempts is left out."""
        container = self.pipeline.executor(component).container
        exit_code, reason, log, attempt = _FAILED, "", Path(), 0
        for attempt in range(1, task.retry_policy.max_retry_count + 2):
            log = self.store.log(self.info.run, path.replace("/", "."), attempt)
            try:
                with log.open("wb") as file:
                    exit_code, outputs = launch(executor_input, component, container, pod, self.store, file)
            except LauncherError as error:
                exit_code, reason = _FAILED, str(error)
                continue
            if exit_code == 0:
                return self._end(
                    path,
                    Status.SUCCEEDED,
                    start=start,
                    outputs=outputs,
                    component=component,
                    log=log,
                    attempts=attempt,
                )
            reason = tail(log)
        return self._end(
            path, Status.FAILED, start=start, log=log, attempts=attempt, exit_code=exit_code, reason=reason
        )

    def _mounts(self, mounted: Mapping[str, str]) -> dict[str, Path]:
        return {
            path: self.volumes[claim] if claim in self.volumes else self.store.volume(claim)
            for path, claim in mounted.items()
        }

    def _end(
        self,
        path: str,
        status: Status,
        *,
        start: float | None = None,
        outputs: Any = None,
        component: Any = None,
        **details: Any,
    ) -> Execution:
        execution = Execution(
            task=path,
            status=status,
            seconds=0.0 if start is None else time.monotonic() - start,
            outputs=pb.ExecutorOutput() if outputs is None else outputs,
            titles={} if component is None else _titles(component),
            **details,
        )
        self._ended.append(execution)
        self.watcher.finished(execution)
        return execution


class NoCache:
    """For runs that are to do everything anew; they leave nothing for later ones, as where the backend has none."""

    def cached(self, pipeline: str, fingerprint: str) -> Any:
        return None

    def remember(self, pipeline: str, fingerprint: str, outputs: Any) -> None:
        pass


def tail(log: Path) -> str:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _outputs_of_dag(dag: Any, scope: Scope) -> Any:
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


def _titles(component: Any) -> dict[str, str]:
    return {name: title(output.artifact_type) for name, output in component.output_definitions.artifacts.items()}
