"""What `breast-imaging schedule` does."""

import getpass
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.cli.schedule import Engine
from pipeline.config import Config, load_config
from pipeline.output import OutputFolder, open_output
from pipeline.schedules import crontab, systemd
from pipeline.schedules.calendar_events import check_event
from pipeline.schedules.cron_expressions import check_cron
from pipeline.schedules.schedule import Schedule, make_schedule, schedule_name
from pipeline.schedules.units import system_service_unit, timer_unit, user_service_unit
from pipeline.sources import default_output, prepare_data
from schema.errors import EXIT_FAILED, ConfigurationError

LINGERING: Final = Path("/var/lib/systemd/linger")  # a file for each user whose manager runs without a session
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
    """When, as systemd or as cron has it."""

    every: str | None
    cron: str | None


def install_command(target: Target, data: Path, times: Times, run_as: str | None, hours: int, dry_run: bool) -> None:
    """Raises ConfigurationError and ScheduleError."""
    config, output = target.config(), target.output_folder()
    prepare_data(str(data), config, output)
    schedule = make_schedule(config, target.config_name, data, output, target.overrides)
    if target.engine is Engine.CRON:
        _install_entry(schedule, target, times, run_as, dry_run)
    else:
        _install_units(schedule, target, times, run_as, hours, dry_run)
    _warn_of_secrets(config)


def remove_command(target: Target) -> None:
    """Raises ConfigurationError and ScheduleError."""
    name = target.name()
    if target.engine is Engine.CRON:
        _refuse_system(target, None)
        before = crontab.read_crontab()
        after = crontab.without_entry(before, name)
        removed = before != after
        if removed:
            crontab.write_crontab(after)
    else:
        removed = systemd.remove_units(target.manager(), name)
    print(f"{name}: {'removed' if removed else 'nothing was installed'}.")


def show_command(target: Target) -> int:
    """Returns the exit code. Raises ConfigurationError and ScheduleError."""
    name = target.name()
    if target.engine is Engine.CRON:
        _refuse_system(target, None)
        installed = crontab.installed_entry(crontab.read_crontab(), name)
        print(installed or f"{name}: nothing is installed.", end="" if installed else "\n")
        return 0 if installed else EXIT_FAILED
    units = systemd.installed_units(target.manager(), name)
    if not units:
        print(f"{name}: nothing is installed.")
        return EXIT_FAILED
    _print_files(units)
    print(systemd.timer_state(target.manager(), name))
    return 0


def _install_entry(schedule: Schedule, target: Target, times: Times, run_as: str | None, dry_run: bool) -> None:
    _refuse_system(target, run_as)
    if times.cron is None or times.every is not None:
        raise ConfigurationError("cron takes its times with --cron.", fix="give --cron '0 2 * * 0', say, alone")
    line = crontab.entry(schedule, check_cron(times.cron))
    before = crontab.read_crontab()
    after = crontab.with_entry(before, schedule.name, line)
    if dry_run:
        print(f"# The crontab of {getpass.getuser()} would be:\n{after}", end="")
        return
    open_output(schedule.output.root)
    if after != before:
        crontab.write_crontab(after)
    print(f"{schedule.name}: in the crontab of {getpass.getuser()}.")


def _install_units(
    schedule: Schedule, target: Target, times: Times, run_as: str | None, hours: int, dry_run: bool
) -> None:
    if times.every is None or times.cron is not None:
        raise ConfigurationError(
            "systemd takes its times with --every.", fix="give --every 'Sun 02:00', say, alone; or --engine cron"
        )
    starts = check_event(times.every)
    if target.system:
        service = system_service_unit(schedule, hours, _system_user(run_as, schedule))
    elif run_as is None:
        service = user_service_unit(schedule, hours)
    else:
        raise ConfigurationError("--run-as goes with --system.", fix="leave it out: --user runs as this user")
    names = systemd.unit_names(schedule.name)
    units = dict(zip(names, (service, timer_unit(schedule, times.every)), strict=True))
    print(systemd.verify_units(units))
    manager = target.manager()
    if dry_run:
        _print_files({manager.path(name): text for name, text in units.items()})
    else:
        if not target.system:
            open_output(schedule.output.root)
        systemd.install_units(manager, schedule.name, units)
        print(f"{schedule.name}: its timer runs.")
    for start in starts:
        print(f"Retrains at {start}, or up to 15 minutes later.")
    if not target.system and not (LINGERING / getpass.getuser()).exists():
        print("A user's timers run while that user is logged in; always, after: loginctl enable-linger")


def _system_user(run_as: str | None, schedule: Schedule) -> str:
    """The user that retrains. Raises ConfigurationError where it would be root, or could not write its results."""
    if run_as is None:
        raise ConfigurationError("A schedule of the machine needs a user to retrain.", fix="name one with --run-as")
    try:
        user = pwd.getpwnam(run_as)
    except KeyError as error:
        raise ConfigurationError(f"There is no user {run_as!r}.", fix="name one with --run-as") from error
    if user.pw_uid == 0:
        raise ConfigurationError("Retraining needs no rights of root.", fix="name another user with --run-as")
    root = schedule.output.root
    if not root.is_dir() or root.stat().st_uid != user.pw_uid:
        raise ConfigurationError(
            f"The output folder {root} does not belong to {run_as}.", fix=f"make it: install -d -o {run_as} {root}"
        )
    return run_as


def _refuse_system(target: Target, run_as: str | None) -> None:
    if target.system or run_as is not None:
        raise ConfigurationError(
            "cron's entries are in the crontab of the user that this command runs as.",
            fix="leave --system and --run-as out, and run it as that user",
        )


def _print_files(files: dict[Path, str]) -> None:
    for path, text in files.items():
        print(f"--- {path}\n{text}")


def _warn_of_secrets(config: Config) -> None:
    for reference in config.alerts.webhook.secret_references():
        if reference.startswith(_ENVIRONMENT):
            print(f"Alerts need {reference}, which is not in the environment of a schedule; take file:PATH instead.")
