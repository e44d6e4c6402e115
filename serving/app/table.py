"""The outcomes of several images as a table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from serving.app.asking import Answered, Outcome

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """An image. An answer or an error is absent.

    Attributes:
        label: the class at the operating point.
        malignant_probability: of the positive class.
        probabilities: by class.
        model_name, model_version: that answered.
    """

    file: str
    label: str = ""
    malignant_probability: float | None = None
    threshold: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    model_name: str = ""
    model_version: int | None = None
    error: str = ""


def to_rows(outcomes: Iterable[Outcome]) -> list[Row]:
    """One for each outcome."""
    return [_row(outcome) for outcome in outcomes]


def to_csv(rows: Sequence[Row]) -> str:
    """The table as RFC 4180 has it, its columns named as those of `breast-imaging predict --csv`.

    Numbers have all their digits. Texts are written so that no spreadsheet takes them for a formula.
    """
    classes = dict.fromkeys(name for row in rows for name in row.probabilities)
    records = [_record(row, classes) for row in rows]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_cell(heading) for heading in _record(Row(""), classes))
    writer.writerows([_cell(value) for value in record.values()] for record in records)
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
        prediction.probabilities,
        prediction.model_name,
        prediction.model_version,
    )


def _record(row: Row, classes: Iterable[str]) -> dict[str, object]:
    return {
        "file": row.file,
        "label": row.label,
        "malignant_probability": row.malignant_probability,
        "threshold": row.threshold,
        **{f"probability of {name}": row.probabilities.get(name) for name in classes},
        "model_name": row.model_name,
        "model_version": row.model_version,
        "error": row.error,
    }


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_BEGINS) else value
