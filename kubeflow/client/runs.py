"""Runs on the server: starting them, and watching them."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubeflow.client.connection import Connection, named
from kubeflow.client.errors import ConflictError, NotFoundError, UnavailableError

SUCCEEDED: Final = "SUCCEEDED"
END_STATES: Final = frozenset({SUCCEEDED, "SKIPPED", "FAILED", "CANCELED"})
# Tasks of the backend's own, of which there is one for each of ours.
_INTERNAL_TASKS: Final = ("root", "executor")
_DRIVER_SUFFIX: Final = "-driver"
LONGEST_OUTAGE: Final = 600.0  # seconds


@dataclass(frozen=True)
class UploadedPipeline:
    """A version on the server, as what is to be run."""

    pipeline_id: str
    version_id: str

    def options(self) -> dict[str, str]:
        return {"pipeline_id": self.pipeline_id, "version_id": self.version_id}


@dataclass(frozen=True)
class PipelineFile:
    """A file, as what is to be run; it does not become a version."""

    path: Path

    def options(self) -> dict[str, str]:
        return {"pipeline_package_path": str(self.path)}


Source = UploadedPipeline | PipelineFile


def start_run(
    connection: Connection, experiment: str, name: str, source: Source, arguments: Mapping[str, Any]
) -> Any:
    """Starts a run in an experiment, which is made where there is none of the name."""
    return connection.ask(
        connection.kfp.run_pipeline,
        experiment_id=experiment_id(connection, experiment),
        job_name=name,
        params=dict(arguments),
        **source.options(),
    )


def experiment_id(connection: Connection, name: str) -> str:
    """The id of the experiment of a name, which is made where there is none."""
    try:
        found = connection.ask(connection.kfp.create_experiment, name, namespace=connection.namespace)
    except ConflictError:  # somebody else has made it in this moment
        found = get_experiment(connection, name)
    return str(found.experiment_id)


def get_experiment(connection: Connection, name: str) -> Any:
    """The experiment of a name. Raises NotFoundError."""
    experiments = connection.all(
        connection.kfp.list_experiments, "experiments", filter=named(name), namespace=connection.namespace
    )
    for each in experiments:
        if each.display_name == name:
            return each
    raise NotFoundError(
        f"The server has no experiment {name}.", fix="leave out --experiment, or start a run in it, which makes it"
    )


def get_run(connection: Connection, run_id: str) -> Any:
    return connection.ask(connection.kfp.get_run, run_id)


def list_runs(connection: Connection, experiment: str | None = None) -> Iterator[Any]:
    """Runs of the namespace, or of one of its experiments, latest first."""
    options: dict[str, Any] = {"namespace": connection.namespace}
    if experiment:
        options = {"experiment_id": get_experiment(connection, experiment).experiment_id}
    return connection.all(connection.kfp.list_runs, "runs", sort_by="created_at desc", **options)


def terminate_run(connection: Connection, run_id: str) -> None:
    connection.ask(connection.kfp.terminate_run, run_id)


def delete_run(connection: Connection, run_id: str) -> None:
    connection.ask(connection.kfp.delete_run, run_id)


def tasks_of(run: Any) -> list[Any]:
    """The tasks of a run that are steps of the pipeline, in the order in which they started."""
    details = run.run_details.task_details if run.run_details else None
    tasks = [
        task
        for task in details or ()
        if task.display_name
        and task.display_name not in _INTERNAL_TASKS
        and not task.display_name.endswith(_DRIVER_SUFFIX)
    ]
    return sorted(tasks, key=lambda task: (task.start_time is None, str(task.start_time), task.display_name))


def watch_run(connection: Connection, run_id: str, interval: float, show: Callable[[str, str], None]) -> Any:
    """Waits until a run ends, and tells each change of a task's state and of its own.

    Args:
        interval: seconds between two looks.
        show: takes the name of a task, or `run`, and what to say of it.

    Returns:
        The run in its end.

    Raises UnavailableError where the server has been away for 10 minutes; the run goes on.
    """
    shown: dict[str, str] = {}
    last_answer = time.monotonic()
    while True:
        try:
            run = get_run(connection, run_id)
        except UnavailableError as error:
            if time.monotonic() - last_answer > LONGEST_OUTAGE:
                raise
            _tell(shown, "server", error.what, show)
        else:
            last_answer = time.monotonic()
            shown.pop("server", None)
            for task in tasks_of(run):
                _tell(shown, task.display_name, task.state, show)
            _tell(shown, "run", run.state, show)
            if run.state in END_STATES:
                return run
        time.sleep(interval)


def _tell(shown: dict[str, str], name: str, state: str | None, show: Callable[[str, str], None]) -> None:
    if state and shown.get(name) != state:
        shown[name] = state
        show(name, state)
