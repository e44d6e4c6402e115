"""What installing a schedule would write, before anything is written."""

import getpass
import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.output import open_output
from pipeline.schedules import crontab, systemd
from pipeline.schedules.calendar_events import check_event
from pipeline.schedules.cron_expressions import check_cron
from pipeline.schedules.schedule import Schedule
from pipeline.schedules.units import system_service_unit, timer_unit, user_service_unit
from schema.errors import ConfigurationError

LINGERING: Final = Path("/var/lib/systemd/linger")  # a file for each user whose manager runs without a session


@dataclass(frozen=True)
class Plan:
    """Attributes:
    shown: exactly what would be written, and where.
    notes: what the reader should know.
    apply: writes it. Raises ScheduleError; then all is as it was.
    """

    shown: str
    notes: Sequence[str]
    apply: Callable[[], None]


def plan_entry(schedule: Schedule, expression: str) -> Plan:
    """In the crontab of this user. Raises ConfigurationError and ScheduleError."""
    line = crontab.entry(schedule, check_cron(expression))
    before = crontab.read_crontab()
    after = crontab.with_entry(before, schedule.name, line)

    def apply() -> None:
        open_output(schedule.output.root)
        if after != before:
            crontab.write_crontab(after)

    return Plan(f"# The crontab of {getpass.getuser()} would be:\n{after}", _root_notes(), apply)


def plan_user_timer(schedule: Schedule, event: str, hours: int) -> Plan:
    """Of this user's systemd. Args: hours: after which a retraining is stopped. Raises ConfigurationError."""
    manager = systemd.user_manager(os.environ)
    plan = _plan_timer(schedule, event, manager, user_service_unit(schedule, hours))
    user = getpass.getuser()
    hint = f"The timers of {user} run while {user} is logged in; always, after: loginctl enable-linger"
    hints = [] if (LINGERING / user).exists() else [hint]

    def apply() -> None:
        open_output(schedule.output.root)
        plan.apply()

    return Plan(plan.shown, [*plan.notes, *hints, *_root_notes()], apply)


def plan_system_timer(schedule: Schedule, event: str, hours: int, run_as: str) -> Plan:
    """Of the whole machine. Args: run_as: the user that retrains. Raises ConfigurationError."""
    _check_user(run_as, schedule.output.root)
    service = system_service_unit(schedule, hours, run_as)
    return _plan_timer(schedule, event, systemd.system_manager(), service)


def _plan_timer(schedule: Schedule, event: str, manager: systemd.Manager, service: str) -> Plan:
    starts = check_event(event)
    names = systemd.unit_names(schedule.name)
    units = dict(zip(names, (service, timer_unit(schedule, event)), strict=True))
    notes = [systemd.verify_units(units), *(f"Retrains at {start}, or up to 15 minutes later." for start in starts)]
    shown = show_files({manager.path(name): text for name, text in units.items()})
    return Plan(shown, notes, lambda: systemd.install_units(manager, schedule.name, units))


def _root_notes() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["It will retrain as root, whose rights it does not need: better schedule it as another user."]


def show_files(files: Mapping[Path, str]) -> str:
    return "".join(f"--- {path}\n{text}\n" for path, text in files.items())


def _check_user(name: str, output: Path) -> None:
    """Raises ConfigurationError where the user would be root, or could not write the results."""
    try:
        user = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigurationError(f"There is no user {name!r}.", fix="name one with --run-as") from error
    if user.pw_uid == 0:
        raise ConfigurationError("Retraining needs no rights of root.", fix="name another user with --run-as")
    if not output.is_dir() or output.stat().st_uid != user.pw_uid:
        raise ConfigurationError(
            f"The output folder {output} does not belong to {name}.", fix=f"make it: install -d -o {name} {output}"
        )
