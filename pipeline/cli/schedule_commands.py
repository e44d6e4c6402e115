"""What `breast-imaging schedule` does."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.cli.schedule import Engine
from pipeline.config import Config, load_config
from pipeline.output import OutputFolder
from pipeline.schedules import crontab, systemd
from pipeline.schedules.plans import Plan, plan_entry, plan_system_timer, plan_user_timer, show_files
from pipeline.schedules.schedule import Schedule, make_schedule, schedule_name
from pipeline.sources import default_output, prepare_data
from schema.errors import EXIT_FAILED, ConfigurationError

_ENVIRONMENT: Final = "env:"


@dataclass(frozen=True)
class Target:
    """What is scheduled, and by what. Attributes: system: units of the machine, not of this user."""

    config_name: str
    output: Path | None
    overrides: Sequence[str]
    engine: Engine
    system: bool

    def config(self) -> Config:
        return load_config(self.config_name, self.overrides)

    def output_folder(self) -> OutputFolder:
        given = str(self.output) if self.output else None
        return OutputFolder(default_output(given, self.config()).resolve())

    def name(self) -> str:
        return schedule_name(self.config(), self.output_folder())

    def manager(self) -> systemd.Manager:
        return systemd.system_manager() if self.system else systemd.user_manager(os.environ)


@dataclass(frozen=True)
class Times:
    """When, and as whom: options of which each engine takes some.

    Attributes:
        every: a calendar event of systemd.
        cron: the five fields of cron.
        run_as: the user of units of the machine.
        hours: after which systemd stops a retraining.
    """

    every: str | None
    cron: str | None
    run_as: str | None
    hours: int


def install_command(target: Target, data: Path, times: Times) -> None:
    """Raises ConfigurationError and ScheduleError."""
    plan = _plan(target, data, times)
    plan.apply()
    print(f"{target.name()}: installed.")
    for note in (*plan.notes, *_missing_secrets(target.config())):
        print(note)


def preview_command(target: Target, data: Path, times: Times) -> None:
    """Prints what `install_command` would write, and writes nothing. Raises as it does, but for what systemd says."""
    plan = _plan(target, data, times)
    print(plan.shown, end="")
    for note in (*plan.notes, *_missing_secrets(target.config())):
        print(note)


def remove_command(target: Target) -> None:
    """Raises ConfigurationError and ScheduleError."""
    name = target.name()
    removed = _remove_entry(target, name) if target.engine is Engine.CRON else _remove_timer(target, name)
    print(f"{name}: {'removed' if removed else 'nothing was installed'}.")


def show_command(target: Target) -> int:
    """Returns the exit code. Raises ConfigurationError and ScheduleError."""
    name = target.name()
    installed = _show_entry(target, name) if target.engine is Engine.CRON else _show_timer(target, name)
    print(installed.rstrip("\n") or f"{name}: nothing is installed.")
    return 0 if installed else EXIT_FAILED


def _plan(target: Target, data: Path, times: Times) -> Plan:
    schedule = _schedule(target, data)
    if target.engine is Engine.CRON:
        _refuse_system(target)
        if times.cron is None or times.every or times.run_as:
            raise ConfigurationError("cron takes its times with --cron.", fix="give --cron '0 2 * * 0', say, alone")
        return plan_entry(schedule, times.cron)
    if times.every is None or times.cron:
        raise ConfigurationError(
            "systemd takes its times with --every.", fix="give --every 'Sun 02:00', say, alone; or --engine cron"
        )
    if target.system != (times.run_as is not None):
        raise ConfigurationError(
            "Units of the machine need a user to retrain, and only they can name one.",
            fix="give --system and --run-as together, or neither",
        )
    if times.run_as is None:
        return plan_user_timer(schedule, times.every, times.hours)
    return plan_system_timer(schedule, times.every, times.hours, times.run_as)


def _schedule(target: Target, data: Path) -> Schedule:
    config, output = target.config(), target.output_folder()
    prepare_data(str(data), config, output)
    return make_schedule(config, target.config_name, data, output, target.overrides)


def _remove_entry(target: Target, name: str) -> bool:
    _refuse_system(target)
    before = crontab.read_crontab()
    after = crontab.without_entry(before, name)
    if before == after:
        return False
    crontab.write_crontab(after)
    return True


def _remove_timer(target: Target, name: str) -> bool:
    return systemd.remove_units(target.manager(), name)


def _show_entry(target: Target, name: str) -> str:
    _refuse_system(target)
    return crontab.installed_entry(crontab.read_crontab(), name)


def _show_timer(target: Target, name: str) -> str:
    units = systemd.installed_units(target.manager(), name)
    return show_files(units) + systemd.timer_state(target.manager(), name) if units else ""


def _refuse_system(target: Target) -> None:
    if target.system:
        raise ConfigurationError(
            "cron's entries are in the crontab of the user that this command runs as.",
            fix="leave --system out, and run it as that user",
        )


def _missing_secrets(config: Config) -> list[str]:
    needed = [
        *(("Alerts need", reference) for reference in config.alerts.webhook.secret_references()),
        ("The metadata server needs", config.metadata.password_from),
    ]
    return [
        f"{needs} {reference}, which is not in the environment of a schedule; take file:PATH instead."
        for needs, reference in needed
        if reference.startswith(_ENVIRONMENT)
    ]
