"""Writes down what a cross-validation found."""

import csv
import io
from collections.abc import Sequence

from tfx.dsl.io import fileio

from components.cross_validation.content import PREDICTIONS_FILE, SUMMARY_FILE, CrossValidationSummary


def write_report(
    summary: CrossValidationSummary, header: Sequence[str], rows: Sequence[Sequence[object]], directory: str
) -> None:
    """Args: header, rows: of the table of predictions, one row for each image."""
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
