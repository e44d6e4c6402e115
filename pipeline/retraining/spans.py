"""The spans of a data folder: which there are, in their order, and which are still being written."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from schema.errors import ConfigurationError

LAYOUT: Final = "span-1/, span-2/, ... or 2026-01/, 2026-02/, ... or 2026-01-31/, ...; each a folder of the data set"
INCOMPLETE_FILE: Final = ".incomplete"
_PARTIAL_SUFFIX: Final = ".partial"
_NUMBERED: Final = re.compile(r"span-([0-9]{1,9})")
_DATED: Final = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?")


@dataclass(frozen=True)
class Span:
    """A folder of data. Attributes: complete: whether nobody is writing into it any more."""

    name: str
    path: Path
    complete: bool


def find_spans(data: Path) -> list[Span]:
    """All spans, oldest first.

    Files, hidden folders and `*.partial` are passed over.

    Raises ConfigurationError where a folder is no span, or where their order cannot be told.
    """
    folders = [path for path in sorted(data.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    folders = [path for path in folders if not path.name.endswith(_PARTIAL_SUFFIX)]
    orders = {path: _order(path) for path in folders}
    _check_one_kind(data, orders)
    spans = [Span(path.name, path, not (path / INCOMPLETE_FILE).exists()) for path in folders]
    return sorted(spans, key=lambda span: orders[span.path])


def _order(folder: Path) -> tuple[int, ...]:
    if numbered := _NUMBERED.fullmatch(folder.name):
        return (int(numbered[1]),)
    if dated := _DATED.fullmatch(folder.name):
        year, month, day = (int(part or 1) for part in dated.groups())
        try:
            date(year, month, day)
        except ValueError as error:
            raise _no_span(folder) from error
        return year, month, int(dated[3] or 0)
    raise _no_span(folder)


def _no_span(folder: Path) -> ConfigurationError:
    return ConfigurationError(
        f"The folder {folder} is no span of data.",
        fix=f"rename it, or move it elsewhere; spans are {LAYOUT}; one that is still being written ends in .partial",
    )


def _check_one_kind(data: Path, orders: dict[Path, tuple[int, ...]]) -> None:
    if len({len(order) for order in orders.values()}) > 1:
        raise ConfigurationError(
            f"The spans in {data} are numbered and dated, so that their order cannot be told.",
            fix=f"rename them to one of: {LAYOUT}",
        )
    times = Counter(orders.values())
    twice = sorted(path.name for path, order in orders.items() if times[order] > 1)
    if twice:
        raise ConfigurationError(
            f"The spans {', '.join(twice)} in {data} are the same one.", fix="rename one of them, or unite them"
        )
