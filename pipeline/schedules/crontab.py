"""Entries in the crontab of this user; all other lines stay as they are."""

import shlex
from typing import Final

from pipeline.schedules.programs import run_program, said
from pipeline.schedules.schedule import Schedule
from schema.errors import ConfigurationError, ScheduleError

CRONTAB: Final = "crontab"
LONGEST_LINE: Final = 998  # characters; older crons cut what is longer, or refuse it
_LOG_FILE: Final = "schedule.log"


def entry(schedule: Schedule, expression: str) -> str:
    """The line that starts a retraining.

    Raises ConfigurationError where crons differ in what they make of it.
    """
    folder, log = str(schedule.working_directory), str(schedule.output.logs / _LOG_FILE)
    command = " ".join(map(_quote, schedule.command))
    line = f"{expression} cd {_quote(folder)} && exec nice -n 10 {command} >> {_quote(log)} 2>&1"
    if "\\" in "".join((*schedule.command, folder, log)):
        raise ConfigurationError(
            "A path or setting holds a backslash, which some crons take away.",
            fix="rename it, or take --engine systemd",
        )
    if len(line.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
        raise ConfigurationError(
            f"The entry would have more than {LONGEST_LINE} bytes, which some crons do not take.",
            fix="put settings into the configuration file, use shorter paths, or take --engine systemd",
        )
    return line


def with_entry(crontab: str, name: str, line: str) -> str:
    """A crontab with the entry between marks, in place of an earlier one of that name."""
    others = without_entry(crontab, name)
    separator = "" if not others or others.endswith("\n") else "\n"
    return f"{others}{separator}{_begin(name)}\n{line}\n{_end(name)}\n"


def without_entry(crontab: str, name: str) -> str:
    """Raises ScheduleError where one of the marks is missing, so that nobody knows which lines are ours."""
    lines = crontab.split("\n")
    marks = [place for place, line in enumerate(lines) if line in (_begin(name), _end(name))]
    if not marks:
        return crontab
    if [lines[place] for place in marks] != [_begin(name), _end(name)]:
        raise ScheduleError(
            f"In the crontab, the marks of {name} are not one beginning and one end.",
            fix="remove its lines by hand (crontab -e), and try again",
        )
    first, last = marks
    return "\n".join([*lines[:first], *lines[last + 1 :]])


def installed_entry(crontab: str, name: str) -> str:
    """The lines of a schedule with their marks; empty where it is not installed."""
    others = without_entry(crontab, name)
    if others == crontab:
        return ""
    start, end = crontab.index(_begin(name)), crontab.index(_end(name)) + len(_end(name))
    return crontab[start:end] + "\n"


def read_crontab() -> str:
    """Raises ScheduleError where this user may have none, or there is no cron."""
    ended = run_program(CRONTAB, "-l")
    if ended.returncode == 0:
        return ended.stdout
    if "no crontab for" in ended.stderr:
        return ""
    raise _refusal(said(ended))


def write_crontab(text: str) -> None:
    """Replaces the crontab. Raises ScheduleError where cron does not take it."""
    ended = run_program(CRONTAB, "-", text=text)
    if ended.returncode != 0:
        raise _refusal(said(ended))


def _refusal(reason: str) -> ScheduleError:
    return ScheduleError(
        f"cron refused: {reason}.", fix="see whether this user may use cron (man crontab), or take --engine systemd"
    )


def _begin(name: str) -> str:
    return f"# BEGIN {name}, by `breast-imaging schedule install`, which overwrites changes"


def _end(name: str) -> str:
    return f"# END {name}"


def _quote(word: str) -> str:
    """For cron, which reads a percent sign as a line end, and then for the shell.

    The percent sign stands outside of quotes: crons that keep its backslash leave it to the shell there.
    """
    return r"\%".join(shlex.quote(part) for part in word.split("%"))
