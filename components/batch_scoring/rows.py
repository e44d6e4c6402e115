"""What is written of each scored image, as CSV or as JSON lines."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from schema.errors import ConfigurationError

Row = dict[str, Any]

SOURCE: Final = "source"
ERROR: Final = "error"


@dataclass(frozen=True)
class Columns:
    """Attributes: classes: of the model, in the order of its probabilities."""

    classes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        probabilities = [f"probability_{name}" for name in self.classes]
        return [SOURCE, "label", *probabilities, "positive_probability", "threshold", ERROR]

    def scored(
        self, source: str, label: str, probabilities: Sequence[float], positive: float, threshold: float
    ) -> Row:
        return dict(zip(self.names, [source, label, *probabilities, positive, threshold, ""], strict=True))

    def failed(self, source: str, error: str) -> Row:
        return {**dict.fromkeys(self.names), SOURCE: source, ERROR: error}


@dataclass(frozen=True)
class Writer:
    """Attributes: header: of the file; write: some rows as text that can be put after others."""

    header: Callable[[Columns], str]
    write: Callable[[Columns, Iterable[Row]], str]


def writer_for(path: PurePath) -> Writer:
    """By the suffix. Raises ConfigurationError for another."""
    if path.suffix not in _WRITERS:
        raise ConfigurationError(
            f"{path} has a suffix that is not known.", fix=f"name a file with one of {', '.join(_WRITERS)}"
        )
    return _WRITERS[path.suffix]


def _csv_header(columns: Columns) -> str:
    return _csv_lines([columns.names])


def _csv_rows(columns: Columns, rows: Iterable[Row]) -> str:
    return _csv_lines([row[name] for name in columns.names] for row in rows)


def _csv_lines(lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _json_rows(columns: Columns, rows: Iterable[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


_WRITERS: Final = {".csv": Writer(_csv_header, _csv_rows), ".jsonl": Writer(lambda columns: "", _json_rows)}
