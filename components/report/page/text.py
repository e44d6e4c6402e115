"""Numbers, times and words as the page writes them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from components.clinical_evaluator.content import Figure

NOT_AVAILABLE: Final = "n/a"
MINUS: Final = "\u2212"
DECIMALS: Final = 3
MOST_LISTED: Final = 50

Item = TypeVar("Item")


@dataclass(frozen=True)
class Cut(Generic[Item]):
    """The start of a list, and how many more there are."""

    shown: Sequence[Item]
    more: int


def cut(items: Sequence[Item], most: int = MOST_LISTED) -> Cut[Item]:
    """A list short enough to read; the JSON summary has it whole."""
    return Cut(items[:most], max(0, len(items) - most))


def format_number(value: float | None, decimals: int = DECIMALS) -> str:
    """A fixed number of decimals, with a real minus sign; `n/a` for what is no number."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    return f"{_rounded(value, decimals):.{decimals}f}".replace("-", MINUS)


def format_signed(value: float | None, decimals: int = DECIMALS) -> str:
    """The same, with a plus sign before what is above zero."""
    text = format_number(value, decimals)
    is_above = value is not None and math.isfinite(value) and _rounded(value, decimals) > 0
    return f"+{text}" if is_above else text


def format_integer(value: float) -> str:
    """Whole numbers with a thin space between thousands; others keep one decimal."""
    return f"{value:,.{0 if float(value).is_integer() else 1}f}".replace(",", "\u202f")


def format_share(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{100 * value:.1f}\u202f%"


def format_interval(figure: Figure) -> str:
    """`0.901 to 0.987`, or `n/a`."""
    if figure.low is None or figure.high is None:
        return NOT_AVAILABLE
    return f"{format_number(figure.low)} to {format_number(figure.high)}"


def format_figure(figure: Figure) -> str:
    """`0.954 (95 % interval 0.901 to 0.987)`."""
    if figure.low is None or figure.high is None:
        return f"{format_number(figure.value)} (no interval)"
    return f"{format_number(figure.value)} (95 % interval {format_interval(figure)})"


def format_time(created: str) -> str:
    """`21 November 2025, 07:01:33 UTC`, or the text as it is where it is no ISO 8601 time."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return created
    time = time.astimezone(UTC) if time.tzinfo else time
    return f"{time.day} {time:%B %Y, %H:%M:%S} UTC"


def out_of(part: float, whole: float) -> str:
    return f"{format_integer(part)} of {format_integer(whole)}"


def ratio(part: float, whole: float) -> float | None:
    """The share, or None for 0/0."""
    return part / whole if whole else None


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rounded(value: float, decimals: int) -> float:
    return round(value, decimals) or 0.0  # no negative zero
