"""Kubeflow's cron expressions: six fields, seconds first, as robfig/cron of the server reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schema.errors import ConfigurationError

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAYS_OF_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EXAMPLE: Final = "0 0 2 * * * is every night at two, 0 30 6 * * MON every Monday at half past six"
_PART: Final = re.compile(r"(?P<any>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?", re.ASCII)


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)


_FIELDS: Final = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 6, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


def check_cron(expression: str) -> str:
    """The expression with single spaces. Raises ConfigurationError where it is none, or names no day that exists.

    The server takes five fields for the first five of these, minutes for seconds, and would run at other times than
    were meant.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        fix = f"write `0 {' '.join(texts)}`" if len(texts) == len(_FIELDS) - 1 else _EXAMPLE
        raise ConfigurationError(
            f"--cron {expression!r} has {len(texts)} fields; Kubeflow's have six, seconds first.", fix=fix
        )
    values = [_values(text, each, expression) for text, each in zip(texts, _FIELDS, strict=True)]
    days, months = values[3], values[4]
    if texts[5] in ("*", "?") and all(min(days) > _DAYS_OF_MONTHS[month - 1] for month in months):
        raise ConfigurationError(f"--cron {expression!r} names a day that no year has.", fix=_EXAMPLE)
    return " ".join(texts)


def _values(text: str, each: _Field, expression: str) -> set[int]:
    """All values that a field takes."""
    try:
        return set().union(*(_range(part, each) for part in text.split(",")))
    except ValueError:
        raise ConfigurationError(
            f"--cron {expression!r}: {text!r} is none for {each.name}.",
            fix=f"give *, numbers from {each.first} to {each.last}, ranges 1-3, lists 1,3 or steps */5; {_EXAMPLE}",
        ) from None


def _range(part: str, each: _Field) -> range:
    """Raises ValueError."""
    values, slash, step_text = part.partition("/")
    match = _PART.fullmatch(values)
    step = int(step_text) if slash else 1
    if match is None or step < 1:
        raise ValueError(part)
    if match["any"]:
        return range(each.first, each.last + 1, step)
    first = _number(match["first"], each)
    last = _number(match["last"], each) if match["last"] else each.last if slash else first
    if last < first:
        raise ValueError(part)
    return range(first, last + 1, step)


def _number(text: str, each: _Field) -> int:
    value = each.names.get(text.upper())
    if value is None:
        value = int(text)
    if not each.first <= value <= each.last:
        raise ValueError(text)
    return value
