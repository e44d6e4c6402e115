"""What the commands answer, for people as text and for programs as JSON."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from kubeflow.client.connection import Connection
from kubeflow.client.runs import tasks_of
from kubeflow.client.schedules import is_active


class Upload(BaseModel):
    """Attributes: new: whether the upload made this version; false where the same bytes were there already."""

    pipeline: str
    pipeline_id: str
    version: str
    version_id: str
    new: bool
    link: str


class Task(BaseModel):
    name: str
    state: str
    error: str | None

    @classmethod
    def of(cls, task: Any) -> Self:
        return cls(name=task.display_name, state=task.state or "", error=_message(task))


class Run(BaseModel):
    """Attributes: error: what the server says of a failure; tasks: empty where not asked for."""

    run_id: str
    name: str
    state: str
    created_at: datetime | None
    finished_at: datetime | None
    error: str | None
    tasks: list[Task]
    link: str

    @classmethod
    def of(cls, connection: Connection, run: Any) -> Self:
        return cls(
            run_id=run.run_id,
            name=run.display_name or "",
            state=run.state or "",
            created_at=run.created_at,
            finished_at=_time(run.finished_at),
            error=_message(run),
            tasks=[Task.of(task) for task in tasks_of(run)],
            link=connection.link("runs", run.run_id),
        )


class Schedule(BaseModel):
    schedule_id: str
    name: str
    cron: str
    active: bool
    version_id: str
    arguments: dict[str, Any]
    last_run: Run | None
    link: str

    @classmethod
    def of(cls, connection: Connection, recurring_run: Any, last_run: Run | None) -> Self:
        """Of a recurring run, which somebody else may have made, with another trigger or none of our versions."""
        trigger, reference = recurring_run.trigger, recurring_run.pipeline_version_reference
        config = recurring_run.runtime_config
        return cls(
            schedule_id=recurring_run.recurring_run_id,
            name=recurring_run.display_name or "",
            cron=trigger.cron_schedule.cron if trigger and trigger.cron_schedule else "",
            active=is_active(recurring_run),
            version_id=(reference.pipeline_version_id or "") if reference else "",
            arguments=(config.parameters if config else None) or {},
            last_run=last_run,
            link=connection.link("recurringrun", recurring_run.recurring_run_id),
        )


class Removed(BaseModel):
    """Attributes: recurring_runs: how many of the name there were."""

    name: str
    recurring_runs: int


class Status(BaseModel):
    schedules: list[Schedule]
    runs: list[Run]


def _message(content: Any) -> str | None:
    return content.error.message if content.error and content.error.message else None


def _time(value: datetime | None) -> datetime | None:
    """The server gives the beginning of 1970 where there is no time yet."""
    return None if value is None or value.year == 1970 else value
