"""The five fields of an entry in a crontab."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schema.errors import ConfigurationError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_VALUE: Final = "[0-9]{1,2}|[a-z]{3}"
_PART: Final = re.compile(rf"(?:\*|(?P<first>{_VALUE})(?:-(?P<last>{_VALUE}))?)(?:/(?P<step>[0-9]{{1,2}}))?")


@dataclass(frozen=True)
class _Field:
    """Attributes: names: of the values, from the lowest on."""

    title: str
    lowest: int
    highest: int
    names: Sequence[str] = ()

    def values(self, text: str) -> set[int]:
        """Raises ValueError with the reason."""
        return set().union(*(self._range(part) for part in text.split(",")))

    def _range(self, part: str) -> set[int]:
        match = _PART.fullmatch(part.lower())
        if match is None:
            raise ValueError(f"{part!r} is no {self.title}")
        first = self._value(match["first"]) if match["first"] else self.lowest
        last = self._value(match["last"] or match["first"]) if match["first"] else self.highest
        step = int(match["step"] or 1)
        # Debian's cron takes no step of a single value.
        is_stepped_value = match["step"] and match["first"] and not match["last"]
        if step == 0 or first > last or is_stepped_value:
            raise ValueError(f"{part!r} is no range of {self.title}s")
        return set(range(first, last + 1, step))

    def _value(self, text: str) -> int:
        value = self.lowest + self.names.index(text) if text in self.names else int(text) if text.isdigit() else -1
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"{text!r} is no {self.title} ({self.lowest} to {self.highest})")
        return value


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


def check_cron(expression: str) -> str:
    """Checks the five fields, and returns them with one space between.

    Raises ConfigurationError, for a date that no year has too.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise _refusal(expression, f"it has {len(texts)} fields, and needs 5")
    try:
        _, _, days, months, _ = (field.values(text) for field, text in zip(_FIELDS, texts, strict=True))
    except ValueError as error:
        raise _refusal(expression, str(error)) from error
    # With a weekday as well, either of the two days will do.
    if texts[4] == "*" and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise _refusal(expression, "no year has such a day")
    return " ".join(texts)


def _refusal(expression: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"--cron {expression!r} is no time at which cron can start anything: {reason}.",
        fix="write minute, hour, day of the month, month and weekday, as in '0 2 * * 0'; man 5 crontab",
    )
