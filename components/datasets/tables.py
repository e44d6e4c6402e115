"""CSV tables that lie beside the images, such as `groups.csv`, which names each image's patient."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.datasets.spec import Listing
from schema.errors import DataRejectedError

GROUPS_FILE: Final = "groups.csv"
GROUPS_COLUMNS: Final = ("path", "group")


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        line: its line in the file, from 1; the last one where a cell holds line breaks.
        cells: by column, without blanks around them; "" where the row is too short.
    """

    line: int
    cells: Mapping[str, str]


def has_table(listing: Listing, name: str) -> bool:
    """Whether the table lies in the data folder. Raises DataRejectedError where its name is in the wrong case.

    To pass over such a file would lose, without a word, what its owner wrote into it.
    """
    lookalikes = [path for path in listing.paths if path.lower() == name and path != name]
    if lookalikes:
        raise DataRejectedError(
            f"{lookalikes[0]} is not read, because its name is not {name}.", fix=f"rename it to {name}"
        )
    return name in listing.paths


def read_table(
    listing: Listing, name: str, required: Sequence[str], optional: Collection[str] | None = None
) -> list[Row]:
    """The rows of a table, those that are wholly blank left out.

    Args:
        listing: holds the table.
        name: of the table.
        required: columns that the table must have.
        optional: columns that it may have; None allows any.

    Raises:
        DataRejectedError: the table is no CSV, lacks a column, has one that is not allowed, or has a row with
            more cells than columns.
    """
    text = listing.read_text(name).removeprefix("\ufeff")  # Excel begins a CSV with a byte order mark
    try:
        reader = csv.DictReader(io.StringIO(text, newline=None), restval="", strict=True)
        _check_columns(name, list(reader.fieldnames or ()), required, optional)
        raw_rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataRejectedError(
            f"{name} is not a valid CSV file ({error}).", fix="look for a quotation mark that is not closed"
        ) from error
    # DictReader collects surplus cells under the key None.
    reject_faulty_lines(name, [f"line {line}: more cells than columns" for line, row in raw_rows if None in row])
    rows = [Row(line, {column: cell.strip() for column, cell in row.items()}) for line, row in raw_rows]
    return [row for row in rows if any(row.cells.values())]


def reject_faulty_lines(name: str, faults: Sequence[str]) -> None:
    """Raises DataRejectedError where there are any."""
    if faults:
        raise DataRejectedError(f"{name} has {len(faults)} faulty lines.", reasons=faults, fix=f"correct {name}")


def read_groups(listing: Listing, paths: Sequence[str]) -> Mapping[str, str]:
    """The group of each image by `groups.csv`; empty where there is no such table.

    The table has the columns `path` (relative to the data folder, with forward slashes) and `group`; others are
    not read.

    Raises:
        DataRejectedError: the table is faulty, or names no group for one of `paths`: patients known for some
            images alone would let the others leak into another split.
    """
    if not has_table(listing, GROUPS_FILE):
        return {}
    groups = _groups(read_table(listing, GROUPS_FILE, GROUPS_COLUMNS))
    ungrouped = [path for path in paths if path not in groups]
    if ungrouped:
        raise DataRejectedError(
            f"{GROUPS_FILE} names no group for {len(ungrouped)} images.",
            reasons=ungrouped,
            fix=f"add a line for each to {GROUPS_FILE}, or remove the file",
        )
    return groups


def _groups(rows: Sequence[Row]) -> dict[str, str]:
    groups: dict[str, str] = {}
    faults = []
    for row in rows:
        path, group = row.cells["path"], row.cells["group"]
        if not path or not group:
            faults.append(f"line {row.line}: path or group is empty")
        elif groups.setdefault(path, group) != group:
            faults.append(f"line {row.line}: {path} is in two groups, {groups[path]} and {group}")
    reject_faulty_lines(GROUPS_FILE, faults)
    return groups


def _check_columns(
    name: str, columns: Sequence[str], required: Sequence[str], optional: Collection[str] | None
) -> None:
    allowed = set(columns) if optional is None else {*required, *optional}
    if set(required) <= set(columns) <= allowed and len(set(columns)) == len(columns):
        return
    others = f"; besides, only {', '.join(optional)} are allowed" if optional else ""
    raise DataRejectedError(
        f"{name} has the columns {columns}.",
        fix=f"its first line must name the columns {', '.join(required)}, each once, separated by commas{others}",
    )
