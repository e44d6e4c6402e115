"""What a cross-validation found, as it is written down."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict
from tfx.dsl.io import fileio

SUMMARY_FILE: Final = "cross_validation.json"
PREDICTIONS_FILE: Final = "predictions.csv"


class Figure(BaseModel):
    """A figure with its 95 % interval; absent where it is not defined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None
    high: float | None


class FoldSummary(BaseModel):
    """Attributes: figures: on the images of this fold; epochs: of each phase."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_images: int
    eval_images: int
    test_images: int
    test_groups: int
    temperature: float
    threshold: float
    best_epochs: list[int]
    figures: dict[str, float | None]


class CrossValidationSummary(BaseModel):
    """Attributes: pooled: figures over all images; replicates: of the bootstrap by group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: list[str]
    positive_label: str
    images: int
    groups: int
    replicates: int
    pooled: dict[str, Figure]
    folds: list[FoldSummary]


def write_report(
    summary: CrossValidationSummary, header: Sequence[str], rows: Sequence[Sequence[object]], directory: str
) -> None:
    """Attributes: header, rows: of the table of predictions, one row for each image."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows([header, *rows])
    _write(f"{directory}/{PREDICTIONS_FILE}", table.getvalue())
    _write(f"{directory}/{SUMMARY_FILE}", summary.model_dump_json(indent=2))


def read_summary(directory: str) -> CrossValidationSummary:
    with fileio.open(f"{directory}/{SUMMARY_FILE}", "rb") as file:
        return CrossValidationSummary.model_validate_json(file.read())


def _write(path: str, text: str) -> None:
    with fileio.open(path, "wb") as file:
        file.write(text.encode())
