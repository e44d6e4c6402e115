"""Schedules: recurring runs of the server, of which one of each name is active.

The server can change neither the version nor the times of a recurring run, and has no transactions. A release
therefore makes a second one, and hands over in an order that is safe wherever it is cut off:

    1. create the new one, disabled    2. disable the old one    3. enable the new one    4. delete the old one

At no point are two active. Between 2 and 3 none is, but no time is lost there: the new one, once enabled, makes up
for the last time that has passed since it was created. Where a release was cut off, the next one carries on from what
it finds: it reads everything from the server, and keeps no state of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

from kubeflow.client.connection import Connection, named
from kubeflow.client.errors import ConflictError, NotFoundError
from kubeflow.client.runs import UploadedPipeline

_ENABLED: Final = "ENABLED"


@dataclass(frozen=True)
class Schedule:
    """When which pipeline runs. Attributes: cron: six fields; experiment_id: where its runs are."""

    name: str
    cron: str
    experiment_id: str
    pipeline: UploadedPipeline
    arguments: Mapping[str, Any]

    def fits(self, recurring_run: Any) -> bool:
        """Whether a recurring run of the server is this schedule, active or not."""
        reference, trigger = recurring_run.pipeline_version_reference, recurring_run.trigger
        config = recurring_run.runtime_config
        return (
            recurring_run.experiment_id == self.experiment_id
            and reference is not None
            and reference.pipeline_version_id == self.pipeline.version_id
            and trigger is not None
            and trigger.cron_schedule is not None
            and trigger.cron_schedule.cron == self.cron
            and ((config and config.parameters) or {}) == dict(self.arguments)
            and str(recurring_run.max_concurrency) == "1"
            and recurring_run.no_catchup is True
        )


def list_schedules(connection: Connection, name: str | None = None) -> list[Any]:
    """The recurring runs of the namespace, or those of one name."""
    options = {"filter": named(name)} if name else {}
    found: Iterator[Any] = connection.all(
        connection.kfp.list_recurring_runs, "recurring_runs", namespace=connection.namespace, **options
    )
    return [each for each in found if name in (None, each.display_name)]


def is_active(recurring_run: Any) -> bool:
    return bool(recurring_run.status == _ENABLED)


def replace_schedule(connection: Connection, schedule: Schedule) -> Any:
    """Makes this schedule the one of its name, and returns its recurring run as it is then.

    Raises ConflictError where another release at the same time has won.
    """
    existing = list_schedules(connection, schedule.name)
    chosen = _chosen(existing, schedule) or _create_disabled(connection, schedule)
    others = [each for each in existing if each.recurring_run_id != chosen.recurring_run_id]
    _hand_over(connection, [each for each in others if is_active(each)], chosen)
    _settle(connection, chosen)
    for each in others:
        _delete(connection, each)
    return connection.ask(connection.kfp.get_recurring_run, chosen.recurring_run_id)


def remove_schedule(connection: Connection, name: str) -> int:
    """Ends the schedule of a name; runs that have begun go on. Returns how many recurring runs it was."""
    existing = list_schedules(connection, name)
    for each in existing:
        _disable(connection, each)
        _delete(connection, each)
    return len(existing)


def _chosen(existing: Sequence[Any], schedule: Schedule) -> Any | None:
    """What is there already and can stay; None where a recurring run has to be made.

    A disabled one counts only where none is active, after a release that was cut off between 2 and 3. Beside an
    active one it is too old: enabled, it would make up for a time at which the active one has run.
    """
    active = [each for each in existing if is_active(each)]
    candidates = active if len(active) == 1 else existing if not active else []
    return max((each for each in candidates if schedule.fits(each)), key=_age, default=None)


def _hand_over(connection: Connection, active: Sequence[Any], chosen: Any) -> None:
    """Steps 2 and 3, taken back where one fails."""
    with ExitStack() as undo:
        undo.callback(_take_back, connection, active, chosen)
        for each in active:
            _disable(connection, each)
        if not is_active(chosen):
            connection.ask(connection.kfp.enable_recurring_run, chosen.recurring_run_id)
        undo.pop_all()


def _take_back(connection: Connection, active: Sequence[Any], chosen: Any) -> None:
    """The old one again. The new one goes first: it may be active although the server has not said so."""
    if is_active(chosen):
        return
    _disable(connection, chosen)
    left = list_schedules(connection, chosen.display_name)
    if active and not any(is_active(each) for each in left):  # there may be one that nobody had disabled yet
        connection.ask(connection.kfp.enable_recurring_run, max(active, key=_age).recurring_run_id)


def _settle(connection: Connection, chosen: Any) -> None:
    """Sees to it that one stays of two releases at the same time: that which was created last."""
    active = [each for each in list_schedules(connection, chosen.display_name) if is_active(each)]
    latest = max(active, key=_age, default=chosen)
    if latest.recurring_run_id != chosen.recurring_run_id:
        _disable(connection, chosen)
        _delete(connection, chosen)
        raise ConflictError(
            f"Someone else has replaced the schedule {chosen.display_name} at the same time, and that one is active.",
            fix="see what it is with `breast-imaging kubeflow status`, and replace it if it is not what you want",
        )
    for each in active:
        if each.recurring_run_id != chosen.recurring_run_id:
            _disable(connection, each)
            _delete(connection, each)


def _create_disabled(connection: Connection, schedule: Schedule) -> Any:
    return connection.ask(
        connection.kfp.create_recurring_run,
        experiment_id=schedule.experiment_id,
        job_name=schedule.name,
        cron_expression=schedule.cron,
        max_concurrency=1,
        no_catchup=True,
        params=dict(schedule.arguments),
        enabled=False,
        **schedule.pipeline.options(),
    )


def _disable(connection: Connection, recurring_run: Any) -> None:
    """Also where it is gone."""
    with suppress(NotFoundError):
        connection.ask(connection.kfp.disable_recurring_run, recurring_run.recurring_run_id)


def _delete(connection: Connection, recurring_run: Any) -> None:
    """Also where it is gone, as after a deletion that the server did without an answer."""
    with suppress(NotFoundError):
        connection.ask(connection.kfp.delete_recurring_run, recurring_run.recurring_run_id)


def _age(recurring_run: Any) -> tuple[str, str]:
    return str(recurring_run.created_at), str(recurring_run.recurring_run_id)
