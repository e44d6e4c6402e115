"""How `breast-imaging predict` prints its answers."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
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
        predictions = [prediction for _, prediction in self._rows]
        if predictions:
            self._console.print(_table(self._rows))
        for name, version, threshold in sorted({(p.model_name, p.model_version, p.threshold) for p in predictions}):
            self._print(f"{name} {version}: the positive class from a probability of {threshold:.3f} on.")
        self._print("For research only; not for diagnosis.")

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)


def _table(rows: Sequence[tuple[str, Prediction]]) -> Table:
    """A column for each class that any of the answers knows."""
    classes = list(dict.fromkeys(each for _, prediction in rows for each in prediction.probabilities))
    table = Table(box=box.SIMPLE)
    table.add_column("file", overflow="fold")
    table.add_column("label")
    for each in classes:
        table.add_column(escape(each), justify="right")
    table.add_column("version", justify="right")
    for name, prediction in rows:
        shares = [
            f"{prediction.probabilities[each]:.3f}" if each in prediction.probabilities else "" for each in classes
        ]
        table.add_row(escape(name), escape(prediction.label), *shares, str(prediction.model_version))
    return table
