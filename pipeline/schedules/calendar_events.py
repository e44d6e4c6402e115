"""Calendar events of systemd, as in `OnCalendar=`."""

import re
from typing import Final

from pipeline.schedules.programs import is_there, run_program, said
from schema.errors import ConfigurationError

ANALYZE: Final = "systemd-analyze"
_SHOWN: Final = 3  # times at which it would run
_WORDS: Final = "minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually"
_DAY: Final = "(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_DAYS: Final = rf"{_DAY}(?:\.\.{_DAY})?(?:,{_DAY}(?:\.\.{_DAY})?)*"
_FIELD: Final = r"(?:\*|\d+(?:\.\.\d+)?)(?:/\d+)?"
_FIELDS: Final = rf"{_FIELD}(?:,{_FIELD})*"
_DATE: Final = rf"(?:{_FIELDS}-)?{_FIELDS}[-~]{_FIELDS}"
_TIME: Final = rf"{_FIELDS}:{_FIELDS}(?::{_FIELDS})?"
_EVENT: Final = re.compile(rf"(?:{_WORDS}|(?:{_DAYS} )?(?:{_DATE} )?{_TIME})(?: UTC)?", re.IGNORECASE)


def check_event(event: str) -> list[str]:
    """Checks a calendar event: by systemd where it is there, else the common forms by ourselves.

    Returns the next times at which it comes, or none where systemd is not there to tell them.

    Raises ConfigurationError, where it never comes too.
    """
    if is_there(ANALYZE):
        return _ask_systemd(event)
    if not _EVENT.fullmatch(event.strip()):
        raise _refusal(event, "it is none of the forms that can be checked without systemd-analyze")
    return []


def _ask_systemd(event: str) -> list[str]:
    # After "--", so that nothing is taken for an option.
    ended = run_program(ANALYZE, "calendar", f"--iterations={_SHOWN}", "--", event)
    if ended.returncode != 0:
        raise _refusal(event, said(ended))
    times = re.findall(r"^\s*(?:Next elapse|Iter\. #\d+): (.+)$", ended.stdout, re.MULTILINE)
    if not times or times == ["never"]:
        raise _refusal(event, "it never comes")
    return times


def _refusal(event: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"--every {event!r} is no time at which systemd can start anything: {reason}.",
        fix="write a calendar event, such as 'Sun 02:00', 'monthly' or '*-*-01 03:30'; man systemd.time",
    )
