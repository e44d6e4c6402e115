"""The outcomes of several images as a table."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from serving.app.asking import Answered, Outcome

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """An image. Fields are empty where it has none: an answer or an error.

    Attributes:
        class_name: at the operating point.
        probability: of the positive class.
        model, version: that answered.
    """

    file: str
    class_name: str = ""
    probability: float | None = None
    threshold: float | None = None
    model: str = ""
    version: int | None = None
    error: str = ""


def to_rows(outcomes: Iterable[Outcome]) -> list[Row]:
    """One for each outcome."""
    return [_row(outcome) for outcome in outcomes]


def to_csv(rows: Sequence[Row]) -> str:
    """The table with a header; numbers with all their digits, texts so that no spreadsheet runs them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow("class" if each.name == "class_name" else each.name for each in fields(Row))
    writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)
    return buffer.getvalue()


def _row(outcome: Outcome) -> Row:
    if not isinstance(outcome, Answered):
        return Row(outcome.name, error=outcome.error.what)
    prediction = outcome.explanation.prediction
    return Row(
        outcome.name,
        prediction.label,
        prediction.malignant_probability,
        prediction.threshold,
        prediction.model_name,
        prediction.model_version,
    )


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_BEGINS) else value
