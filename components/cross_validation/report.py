"""Writes down what a cross-validation found."""

import csv
import io
from collections.abc import Sequence

from tfx.utils import io_utils

from components.cross_validation.content import PREDICTIONS_FILE, SUMMARY_FILE, CrossValidationSummary


def write_report(
    summary: CrossValidationSummary, header: Sequence[str], rows: Sequence[Sequence[object]], directory: str
) -> None:
    """Args: header, rows: of the table of predictions, one row for each image."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows([header, *rows])
    io_utils.write_bytes_file(f"{directory}/{PREDICTIONS_FILE}", table.getvalue().encode())
    io_utils.write_bytes_file(f"{directory}/{SUMMARY_FILE}", summary.model_dump_json(indent=2).encode())


def read_summary(directory: str) -> CrossValidationSummary:
    return CrossValidationSummary.model_validate_json(io_utils.read_bytes_file(f"{directory}/{SUMMARY_FILE}"))
