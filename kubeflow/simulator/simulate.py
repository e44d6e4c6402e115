"""Runs a compiled pipeline from its file: all that the console command does but show it."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format

from kubeflow.simulator.checks import check_pipeline
from kubeflow.simulator.document import CompiledPipeline, read_pipeline
from kubeflow.simulator.driver import RunInfo
from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.parameters import run_parameters
from kubeflow.simulator.pod import check_namespaces
from kubeflow.simulator.run import Simulation, Watcher
from kubeflow.simulator.store import Store
from kubeflow.simulator.tasks import NoCache, TaskRunner
from kubeflow.simulator.volumes import check_volumes, not_simulated
from pipeline.lock import locked
from schema.errors import (
    BreastImagingError,
    ConfigurationError,
    DataRejectedError,
    ModelNotBlessedError,
)

# Of the backend, where a pipeline names none.
DEFAULT_ROOT: Final = "minio://mlpipeline/v2/artifacts"
_LOCK: Final = ".lock"
_BEGUN: Final = "begun"
_ENDED: Final = "ended"
_FAILURES: Final = {
    failure.exit_code: failure for failure in (DataRejectedError, ModelNotBlessedError, ConfigurationError)
}


@dataclass(frozen=True)
class Outcome:
    """Attributes:
    run: its id.
    executions: in the order in which they ended.
    store: where all of it lies.
    not_simulated: Kubernetes settings of the pipeline that made no difference.
    """

    run: str
    executions: list[Execution]
    store: Store
    not_simulated: Sequence[str] = ()

    def execution(self, task: str) -> Execution:
        return next(execution for execution in self.executions if execution.task == task)

    def artifact(self, task: str, output: str) -> Path:
        """Where the content of an output lies."""
        return self.store.object_path(self.execution(task).outputs.artifacts[output].artifacts[0].uri)


@dataclass(frozen=True)
class Options:
    """Attributes:
    parameters: of the run, `name=value`.
    volumes: folders for persistent volume claims; others are made in the working folder.
    use_cache: whether results of earlier runs are taken, where a task allows it.
    retry: id of a run that has not ended well, to try again without the tasks that have; empty for a new run.
    """

    parameters: Sequence[str] = ()
    volumes: Mapping[str, Path] = field(default_factory=dict)
    use_cache: bool = True
    retry: str = ""


def simulate(file: Path, work: Path, options: Options, watcher: Watcher) -> Outcome:
    """Checks and runs a compiled pipeline.

    Args:
        file: as `breast-imaging kubeflow compile` writes it.
        work: folder for all that the cluster would keep: objects, volumes, cache, logs.

    Raises ConfigurationError before anything runs where the backend would refuse the pipeline or its parameters, or
    this machine cannot make pods. A task that fails does not raise: see `failure`.
    """
    pipeline = read_pipeline(file)
    check_pipeline(pipeline)
    values = run_parameters(pipeline.spec, options.parameters)
    check_volumes(pipeline.platform, values)
    store = Store(work.resolve())
    with _hold(store):
        check_namespaces(store.pods)
        run = options.retry or secrets.token_hex(4)
        _begin(store, run, pipeline, values, is_retry=bool(options.retry))
        cache = store if options.use_cache else NoCache()
        runner = TaskRunner(pipeline, _info(pipeline, run), values, store, cache, options.volumes)
        simulation = Simulation(runner, watcher)
        simulation.run()
        outcome = Outcome(run, simulation.ended, store, not_simulated(pipeline.platform))
        store.record(run, _ENDED, _record(outcome))
    return outcome


def failure(outcome: Outcome) -> BreastImagingError | None:
    """What the first task that failed is to end the command with: its class has the exit code of the task."""
    failed = next((each for each in outcome.executions if each.status is Status.FAILED), None)
    if failed is None:
        return None
    kind = _FAILURES.get(failed.exit_code, BreastImagingError)
    where = f"; its log is {failed.log}" if failed.log else ""
    return kind(
        f"The task {failed.task} failed with exit code {failed.exit_code}.",
        reasons=failed.reason.splitlines(),
        fix=f"see what it says above{where}. Then --retry {outcome.run} does the rest of this run",
    )


def _info(pipeline: CompiledPipeline, run: str) -> RunInfo:
    root = pipeline.spec.default_pipeline_root or DEFAULT_ROOT
    return RunInfo(pipeline.name, run, f"{root.rstrip('/')}/{pipeline.name}/{run}")


def _begin(store: Store, run: str, pipeline: CompiledPipeline, values: Mapping[str, Any], *, is_retry: bool) -> None:
    """Writes down what is run; of a run that is tried again, checks that it is the same."""
    begun = {
        "pipeline": pipeline.name,
        "parameters": {name: json_format.MessageToDict(value) for name, value in values.items()},
    }
    if is_retry and store.recorded(run, _BEGUN) != begun:
        raise ConfigurationError(
            f"There is no run {run} of this pipeline with these parameters in {store.folder}.",
            fix="give the parameters that it had, or leave out --retry for a new run",
        )
    store.record(run, _BEGUN, begun)


def _hold(store: Store) -> AbstractContextManager[None]:
    """Holds the folder for this process. Raises ConfigurationError where it cannot, or another one does."""
    lock = store.folder / _LOCK
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise ConfigurationError(
            f"The folder {store.folder} cannot be written to ({error.strerror}).", fix="name another one with --work"
        ) from error
    return locked(
        lock,
        ConfigurationError(
            f"Another simulation is using the folder {store.folder}.",
            fix="wait for it to end, or name another folder with --work",
        ),
    )


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "run": outcome.run,
        "tasks": [
            {
                "task": execution.task,
                "status": str(execution.status),
                "seconds": round(execution.seconds, 1),
                "attempts": execution.attempts,
                "exit_code": execution.exit_code,
                "artifacts": {
                    name: artifact.uri
                    for name, found in execution.outputs.artifacts.items()
                    for artifact in found.artifacts
                },
            }
            for execution in outcome.executions
        ],
    }
