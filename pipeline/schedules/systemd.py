"""Timers of systemd: installed, removed and shown."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.schedules.calendar_events import ANALYZE
from pipeline.schedules.programs import is_there, run_program, said
from schema.durable_files import replace_text
from schema.errors import ConfigurationError, ScheduleError

SYSTEMCTL: Final = "systemctl"


@dataclass(frozen=True)
class Manager:
    """One of systemd's managers. Attributes: folder: of its units; options: that lead systemctl to it."""

    folder: Path
    options: tuple[str, ...] = ()

    def path(self, unit: str) -> Path:
        return self.folder / unit


def system_manager() -> Manager:
    return Manager(Path("/etc/systemd/system"))


def user_manager(environment: Mapping[str, str]) -> Manager:
    """That of this user."""
    configuration = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Manager(Path(configuration) / "systemd" / "user", ("--user",))


def unit_names(name: str) -> tuple[str, str]:
    """Of the service and the timer of a schedule."""
    return f"{name}.service", f"{name}.timer"


def verify_units(units: Mapping[str, str]) -> str:
    """Lets systemd read units, given by name, and says what came of it.

    Raises ConfigurationError where it finds fault.
    """
    if not is_there(ANALYZE):
        return f"The units were not verified: {ANALYZE} is not there."
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in units]
        for path, text in zip(paths, units.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        ended = run_program(ANALYZE, "verify", *map(str, paths))
    # It passes over lines that it does not understand with a warning, and warns of the machine's other units too.
    faults = [line for line in ended.stderr.splitlines() if any(name in line for name in units)]
    if faults:
        raise ConfigurationError(
            "systemd does not accept the units.",
            reasons=faults,
            fix="see the reasons; systemd 244 or newer is needed",
        )
    return f"The units were not verified: {said(ended)}" if ended.returncode else f"{ANALYZE} verify finds no fault."


def install_units(manager: Manager, name: str, units: Mapping[str, str]) -> None:
    """Writes the units and starts the timer; where systemd refuses, all is as it was.

    Raises ScheduleError.
    """
    before = {unit: _read(manager.path(unit)) for unit in units}
    try:
        manager.folder.mkdir(parents=True, exist_ok=True)
        for unit, text in units.items():
            replace_text(manager.path(unit), text)
        _, timer = unit_names(name)
        _systemctl(manager, "daemon-reload")
        _systemctl(manager, "enable", timer)
        _systemctl(manager, "restart", timer)  # one that ran already has other times now
    except OSError as error:
        _restore(manager, name, before)
        raise _cannot_write(manager, error) from error
    except ScheduleError:
        _restore(manager, name, before)
        raise


def remove_units(manager: Manager, name: str) -> bool:
    """Stops the timer and deletes its units. Returns whether there was anything. Raises ScheduleError."""
    paths = [manager.path(unit) for unit in unit_names(name)]
    if not any(path.exists() for path in paths):
        return False
    _, timer = unit_names(name)
    _systemctl(manager, "daemon-reload")  # it may not know of units that a killed installation left
    if manager.path(timer).exists():
        _systemctl(manager, "disable", "--now", timer)
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(manager, error) from error
    _systemctl(manager, "daemon-reload")
    return True


def installed_units(manager: Manager, name: str) -> dict[Path, str]:
    """The files of a schedule; none where it is not installed."""
    found = {manager.path(unit): _read(manager.path(unit)) for unit in unit_names(name)}
    return {path: text for path, text in found.items() if text is not None}


def timer_state(manager: Manager, name: str) -> str:
    """When it runs next and ran last, in systemd's own words. Raises ScheduleError."""
    _, timer = unit_names(name)
    return _systemctl(manager, "list-timers", "--all", "--no-pager", timer)


def _restore(manager: Manager, name: str, before: Mapping[str, str | None]) -> None:
    """As far as systemd lets us, which has just refused something."""
    _, timer = unit_names(name)
    if before[timer] is None:
        with suppress(ScheduleError):
            _systemctl(manager, "disable", "--now", timer)
    for unit, text in before.items():
        with suppress(OSError):
            if text is None:
                manager.path(unit).unlink(missing_ok=True)
            else:
                replace_text(manager.path(unit), text)
    with suppress(ScheduleError):
        _systemctl(manager, "daemon-reload")
        if before[timer] is not None:
            _systemctl(manager, "restart", timer)


def _systemctl(manager: Manager, *arguments: str) -> str:
    command: Sequence[str] = (SYSTEMCTL, *manager.options, *arguments)
    ended = run_program(*command)
    if ended.returncode == 0:
        return ended.stdout
    raise ScheduleError(
        f"systemd refused: {' '.join(command)}: {said(ended)}.",
        fix="--user needs a session of this user with systemd (log in, not su or sudo; or loginctl enable-linger);"
        " --system needs root; on a machine without systemd take --engine cron",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleError(f"{path} cannot be read ({error}).", fix="see what is there, and remove it") from error


def _cannot_write(manager: Manager, error: OSError) -> ScheduleError:
    return ScheduleError(
        f"The units in {manager.folder} cannot be written ({error.strerror}).",
        fix="schedule with --user, or as root with --system",
    )
