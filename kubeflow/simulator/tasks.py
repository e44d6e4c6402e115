"""One task with its inputs at hand: from the cache, from its container or from an importer."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.artifact_schema import title
from kubeflow.object_uris import is_object_uri
from kubeflow.simulator import driver
from kubeflow.simulator.cache_key import fingerprint_of
from kubeflow.simulator.document import CompiledPipeline
from kubeflow.simulator.driver import DriverError, RunInfo
from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.launcher import LauncherError, launch
from kubeflow.simulator.pod import Pod
from kubeflow.simulator.store import Store
from kubeflow.simulator.volumes import claims, empty_folders

FAILED_CODE: Final = 1  # of what fails around a container
_TAIL_LINES: Final = 40
_TAIL_BYTES: Final = 64 << 10


class Cache(Protocol):
    """What `Store` has for it."""

    def cached(self, pipeline: str, fingerprint: str) -> Any: ...

    def remember(self, pipeline: str, fingerprint: str, outputs: Any) -> None: ...


class NoCache:
    """Knows and keeps nothing: for runs that do everything anew."""

    def cached(self, pipeline: str, fingerprint: str) -> Any:
        return None

    def remember(self, pipeline: str, fingerprint: str, outputs: Any) -> None:
        pass


@dataclass(frozen=True)
class TaskRunner:
    """Attributes:
    pipeline: as `check_pipeline` has passed it.
    info: of this run.
    parameters: of this run, Values by name.
    store: where everything is kept.
    cache: the store, or `NoCache`.
    volumes: folders for claims; others lie in the store.
    """

    pipeline: CompiledPipeline
    info: RunInfo
    parameters: Mapping[str, Any]
    store: Store
    cache: Cache
    volumes: Mapping[str, Path]

    def run(self, path: str, task: Any, component: Any, executor_input: Any) -> Execution:
        """Raises DriverError where the driver fails."""
        kept = self.store.kept(self.info.run, path)
        if kept is not None:
            return Execution(path, Status.KEPT, kept, _titles(component))
        execution = self._run(path, task, component, executor_input)
        if execution.completed:
            self.store.keep(self.info.run, path, execution.outputs)
        return execution

    def _run(self, path: str, task: Any, component: Any, executor_input: Any) -> Execution:
        if self.pipeline.executor(component).WhichOneof("spec") == "importer":
            return self._import(path, component, executor_input)
        return self._run_container(path, task, component, executor_input)

    def _import(self, path: str, component: Any, executor_input: Any) -> Execution:
        """As importer_launcher.go: the artifact that there was with this URI, unless it is to be imported anew."""
        importer = self.pipeline.executor(component).importer
        parameters = executor_input.inputs.parameter_values
        name = importer.artifact_uri.runtime_parameter
        uri = (parameters[name] if name else importer.artifact_uri.constant).string_value
        if not is_object_uri(uri):
            raise DriverError(f"the URI {uri!r} is of no object store that the launcher knows")
        identity = hashlib.sha256(importer.SerializeToString(deterministic=True) + uri.encode()).hexdigest()
        outputs = None if importer.reimport else self.store.cached(self.pipeline.name, identity)
        if outputs is None:
            [key] = component.output_definitions.artifacts
            artifact = pb.RuntimeArtifact(name=self.store.next_artifact_id(), uri=uri, metadata=importer.metadata)
            outputs = pb.ExecutorOutput(artifacts={key: pb.ArtifactList(artifacts=[artifact])})
            self.store.remember(self.pipeline.name, identity, outputs)
        return Execution(path, Status.SUCCEEDED, outputs, _titles(component))

    def _run_container(self, path: str, task: Any, component: Any, executor_input: Any) -> Execution:
        settings = self.pipeline.platform.get(component.executor_label, {})
        mounted = claims(settings, self.parameters)
        driver.provision_outputs(executor_input.outputs, task, component, self.info, str(uuid.uuid4()))
        container = self.pipeline.executor(component).container
        cache = self.cache if task.caching_options.enable_cache else NoCache()
        fingerprint = fingerprint_of(executor_input, component, container, list(mounted.values()))
        outputs = cache.cached(self.pipeline.name, fingerprint)
        if outputs is not None:
            return Execution(path, Status.CACHED, outputs, _titles(component))
        pod = Pod(self.store.pods / _flat(path), self._folders(mounted), empty_folders(settings))
        execution = self._attempts(path, task, component, executor_input, pod)
        if execution.completed:
            cache.remember(self.pipeline.name, fingerprint, execution.outputs)
        return execution

    def _attempts(self, path: str, task: Any, component: Any, executor_input: Any, pod: Pod) -> Execution:
        """As many as the retry policy allows; the time between them is left out."""
        execution = self._attempt(path, 1, component, executor_input, pod)
        for attempt in range(2, task.retry_policy.max_retry_count + 2):
            if execution.completed:
                break
            execution = self._attempt(path, attempt, component, executor_input, pod)
        return execution

    def _attempt(self, path: str, attempt: int, component: Any, executor_input: Any, pod: Pod) -> Execution:
        container = self.pipeline.executor(component).container
        log = self.store.log(self.info.run, _flat(path), attempt)
        outputs, reason = None, ""
        try:
            with log.open("wb") as file:
                exit_code, outputs = launch(executor_input, component, container, pod, self.store, file)
        except LauncherError as error:
            exit_code, reason = FAILED_CODE, str(error)
        if exit_code:
            reason = reason or tail(log)
            return Execution(path, Status.FAILED, attempts=attempt, exit_code=exit_code, log=log, reason=reason)
        return Execution(path, Status.SUCCEEDED, outputs, _titles(component), attempts=attempt, log=log)

    def _folders(self, mounted: Mapping[str, str]) -> dict[str, Path]:
        """Where what is mounted at each path lies."""
        return {
            path: self.volumes[claim] if claim in self.volumes else self.store.volume(claim)
            for path, claim in mounted.items()
        }


def tail(log: Path) -> str:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _titles(component: Any) -> dict[str, str]:
    return {name: title(output.artifact_type) for name, output in component.output_definitions.artifacts.items()}


def _flat(path: str) -> str:
    """A task's path as a name for files. No name of a task has a point in it."""
    return path.replace("/", ".")
