"""What `breast-imaging kubeflow upload`, `run`, `schedule`, `unschedule`, `status` and `terminate` do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kubeflow.client import answers, runs, schedules
from kubeflow.client.arguments import read_arguments, typed_arguments
from kubeflow.client.compiled_file import CompiledFile, read_compiled_file
from kubeflow.client.connection import Connection, Settings, connect
from kubeflow.client.cron import check_cron
from kubeflow.client.errors import NotFoundError
from kubeflow.client.pipelines import get_pipeline, get_version, upload
from schema.errors import EXIT_FAILED

_RUNS_SEARCHED: Final = 100  # for the last one of each schedule


@dataclass(frozen=True)
class Target:
    """Whom a command asks, and whether it answers as JSON."""

    settings: Settings
    as_json: bool

    def answer(self, content: BaseModel, *lines: str) -> None:
        _print(Console(), content.model_dump_json(indent=2) if self.as_json else "\n".join(lines))


@dataclass(frozen=True)
class UploadedVersion:
    """A version on the server, by names. Attributes: version: its name or id; None for the latest."""

    pipeline: str
    version: str | None


def upload_command(target: Target, file: Path, name: str | None, version_name: str | None) -> None:
    """Raises BreastImagingError as the exit codes say; so do the others."""
    compiled = read_compiled_file(file)
    pipeline = name or compiled.name
    with connect(target.settings) as connection:
        version, new = upload(connection, compiled, pipeline, version_name or pipeline)
        link = connection.link("pipelines", f"{version.pipeline_id}/version/{version.pipeline_version_id}")
    answer = answers.Upload(
        pipeline=pipeline,
        pipeline_id=version.pipeline_id,
        version=version.display_name,
        version_id=version.pipeline_version_id,
        new=new,
        link=link,
    )
    what = "Uploaded" if new else "Nothing to upload, as the same bytes are there:"
    target.answer(answer, f"{what} {pipeline}, version {version.display_name}", link)


def run_command(
    target: Target,
    what: CompiledFile | UploadedVersion,
    parameters: Sequence[str],
    experiment: str | None,
    name: str | None,
) -> str:
    """Starts a run, and returns its id."""
    given = read_arguments(parameters)
    with connect(target.settings) as connection:
        source: runs.Source
        if isinstance(what, CompiledFile):
            pipeline, source, spec = what.name, runs.PipelineFile(what.path), what.spec
        else:
            pipeline, (source, spec) = what.pipeline, _find(connection, what)
        run = runs.start_run(
            connection,
            experiment or pipeline,
            name or f"{pipeline} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            source,
            typed_arguments(spec, given),
        )
        answer = answers.Run.of(connection, run)
    _print(Console(stderr=True), f"Started run {answer.run_id}\n{answer.link}")
    return answer.run_id


def wait_command(target: Target, run_id: str, interval: float) -> int:
    """Watches a run, and returns the exit code: 0 where it succeeds. Ctrl-C ends the watching, and not the run."""
    progress = Console(stderr=True)

    def show(name: str, state: str) -> None:
        _print(progress, f"{datetime.now(UTC):%H:%M:%S} {name}: {state}")

    try:
        with connect(target.settings) as connection:
            answer = answers.Run.of(connection, runs.watch_run(connection, run_id, interval, show))
    except KeyboardInterrupt:
        _print(
            progress,
            f"\nNo longer waiting. Run {run_id} goes on.\n"
            f"To look at it:   breast-imaging kubeflow status {run_id}\n"
            f"To terminate it: breast-imaging kubeflow terminate {run_id}",
        )
        return EXIT_FAILED
    target.answer(answer, *_run_lines(answer))
    return 0 if answer.state == runs.SUCCEEDED else EXIT_FAILED


def show_run_command(target: Target, run_id: str) -> None:
    with connect(target.settings) as connection:
        answer = answers.Run.of(connection, runs.get_run(connection, run_id))
    target.answer(answer, *_run_lines(answer))


def terminate_command(target: Target, run_id: str) -> None:
    with connect(target.settings) as connection:
        runs.terminate_run(connection, run_id)
        answer = answers.Run.of(connection, runs.get_run(connection, run_id))
    target.answer(answer, f"Asked the server to terminate run {run_id}: {answer.state}", answer.link)


def schedule_command(
    target: Target,
    cron: str,
    what: UploadedVersion,
    parameters: Sequence[str],
    experiment: str | None,
    name: str | None,
) -> None:
    cron = check_cron(cron)
    given = read_arguments(parameters)
    with connect(target.settings) as connection:
        uploaded, spec = _find(connection, what)
        recurring_run = schedules.replace_schedule(
            connection,
            schedules.Schedule(
                name=name or what.pipeline,
                cron=cron,
                experiment_id=runs.experiment_id(connection, experiment or what.pipeline),
                pipeline=uploaded,
                arguments=typed_arguments(spec, given),
            ),
        )
        answer = answers.Schedule.of(connection, recurring_run, None)
    target.answer(answer, f"Scheduled {answer.name}: {answer.cron}, version {answer.version_id}", answer.link)


def unschedule_command(target: Target, name: str) -> None:
    with connect(target.settings) as connection:
        removed = schedules.remove_schedule(connection, name)
        known = [] if removed else sorted({each.display_name for each in schedules.list_schedules(connection)})
    if not removed:
        raise NotFoundError(
            f"There is no schedule {name}.", fix=f"those that there are: {', '.join(known) or 'none'}"
        )
    target.answer(answers.Removed(name=name, recurring_runs=removed), f"Unscheduled {name}. Runs that began go on.")


def status_command(target: Target, experiment: str | None, limit: int) -> None:
    with connect(target.settings) as connection:
        recent = list(islice(runs.list_runs(connection, experiment), max(limit, _RUNS_SEARCHED)))
        status = answers.Status(
            schedules=[
                answers.Schedule.of(connection, each, _last_of(connection, each, recent))
                for each in schedules.list_schedules(connection)
            ],
            runs=[answers.Run.of(connection, run) for run in recent[:limit]],
        )
    if target.as_json:
        target.answer(status)
        return
    console = Console()
    console.print(_schedules_table(status.schedules))
    console.print(_runs_table(status.runs))
    # Outside of the tables, which would break them.
    links = [(each.name, each.link) for each in status.schedules] + [(each.name, each.link) for each in status.runs]
    for name, link in links:
        _print(console, f"{name}: {link}")


def _find(connection: Connection, what: UploadedVersion) -> tuple[runs.UploadedPipeline, Mapping[str, Any]]:
    """The version on the server, and its specification."""
    pipeline = get_pipeline(connection, what.pipeline)
    version = get_version(connection, pipeline, what.version)
    return runs.UploadedPipeline(version.pipeline_id, version.pipeline_version_id), version.pipeline_spec or {}


def _last_of(connection: Connection, schedule: Any, recent: Sequence[Any]) -> answers.Run | None:
    """The last run of a schedule, of the latest runs."""
    run = next((run for run in recent if run.recurring_run_id == schedule.recurring_run_id), None)
    return answers.Run.of(connection, run) if run else None


def _run_lines(run: answers.Run) -> list[str]:
    lines = [f"{task.name}: {task.state}{f' ({task.error})' if task.error else ''}" for task in run.tasks]
    return [*lines, f"Run {run.run_id}: {run.state}{f' ({run.error})' if run.error else ''}", run.link]


def _schedules_table(found: Sequence[answers.Schedule]) -> Table:
    table = Table(title="Schedules", box=box.SIMPLE, title_justify="left")
    for heading in ("name", "cron", "active", "last run"):
        table.add_column(heading, overflow="fold")
    for each in found:
        last = each.last_run.state if each.last_run else "none yet"
        table.add_row(*map(escape, (each.name, each.cron, "yes" if each.active else "no", last)))
    return table


def _runs_table(found: Sequence[answers.Run]) -> Table:
    table = Table(title="Latest runs", box=box.SIMPLE, title_justify="left")
    for heading in ("run", "name", "state", "created"):
        table.add_column(heading, overflow="fold")
    for each in found:
        created = f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else ""
        table.add_row(*map(escape, (each.run_id, each.name, each.state, created)))
    return table


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
