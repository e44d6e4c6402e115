"""How `breast-imaging predict` prints its answers."""

import csv
import dataclasses
import io
import json
from typing import Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schema.errors import BreastImagingError
from serving.client import Prediction


class Answers(Protocol):
    """Takes predictions one after the other."""

    def add(self, name: str, prediction: Prediction) -> None:
        """Args: name: of the file. Raises BreastImagingError where the format cannot hold this one after the last."""

    def finish(self) -> None:
        """After the last one."""


class JsonLines:
    """One JSON object a line, at once."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def add(self, name: str, prediction: Prediction) -> None:
        self._console.out(json.dumps({"file": name, **dataclasses.asdict(prediction)}), highlight=False)

    def finish(self) -> None:
        pass


class Csv:
    """A header and one row a file, at once; a column named `probability of CLASS` for each class."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._columns: list[str] = []

    def add(self, name: str, prediction: Prediction) -> None:
        row = {
            "file": name,
            "label": prediction.label,
            "malignant_probability": prediction.malignant_probability,
            "threshold": prediction.threshold,
            **{f"probability of {each}": value for each, value in prediction.probabilities.items()},
            "model_name": prediction.model_name,
            "model_version": prediction.model_version,
            "latency": prediction.latency,
        }
        lines = io.StringIO()
        writer = csv.DictWriter(lines, list(row), lineterminator="\n")
        if not self._columns:
            self._columns = list(row)
            writer.writeheader()
        if self._columns != list(row):
            raise BreastImagingError(
                f"Version {prediction.model_version} tells other classes apart than the version before it.",
                fix="ask one version, by --version or --label, or print --json",
            )
        writer.writerow(row)
        self._console.out(lines.getvalue(), highlight=False, end="")

    def finish(self) -> None:
        pass


class PrintedTable:
    """A table for people, when all is known."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[tuple[str, Prediction]] = []

    def add(self, name: str, prediction: Prediction) -> None:
        self._rows.append((name, prediction))

    def finish(self) -> None:
        if self._rows:
            self._console.print(_table(self._rows))
        self._console.print("For research only; not for diagnosis.")


def _table(rows: list[tuple[str, Prediction]]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("file", overflow="fold")
    table.add_column("label")
    for heading in ("malignant", "threshold", "version"):
        table.add_column(heading, justify="right")
    table.add_column("probabilities", overflow="fold")
    for name, prediction in rows:
        table.add_row(
            escape(name),
            escape(prediction.label),
            f"{prediction.malignant_probability:.3f}",
            f"{prediction.threshold:.3f}",
            str(prediction.model_version),
            escape(", ".join(f"{each} {value:.3f}" for each, value in prediction.probabilities.items())),
        )
    return table
