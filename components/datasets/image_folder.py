"""Any images sorted into one folder per class, with an optional `groups.csv` that names each image's patient.

`groups.csv` has the columns `path` (relative to the data folder, with forward slashes) and `group`. Without it,
near-duplicate images form the groups, which does not keep one patient's different images together.
"""

import csv
import io
from collections.abc import Sequence
from typing import Final

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from schema.errors import DataRejectedError
from schema.images.suffixes import is_image_path

GROUPS_FILE: Final = "groups.csv"
COLUMNS: Final = ("path", "group")


def find_records(listing: Listing, labels: tuple[str, ...]) -> Sequence[ImageRecord]:
    """One record for each image below a folder named like a class."""
    paths = [path for path in listing.paths if is_image_path(path)]
    unlabelled = [path for path in paths if path.split("/")[0] not in labels]
    if unlabelled:
        raise DataRejectedError(
            f"{len(unlabelled)} images lie outside the class folders ({', '.join(labels)}).",
            reasons=unlabelled,
            fix="move them into a class folder or away, or name all classes with --set data.labels=[...]",
        )
    lookalikes = [path for path in listing.paths if path.lower() == GROUPS_FILE and path != GROUPS_FILE]
    if lookalikes:
        raise DataRejectedError(
            f"{lookalikes[0]} is not read, because its name is not {GROUPS_FILE}.", fix=f"rename it to {GROUPS_FILE}"
        )
    if GROUPS_FILE not in listing.paths:
        return [ImageRecord(path=path, label=path.split("/")[0]) for path in paths]
    groups = _read_groups(listing.read_text(GROUPS_FILE))
    ungrouped = [path for path in paths if path not in groups]
    if ungrouped:
        raise DataRejectedError(
            f"{GROUPS_FILE} names no group for {len(ungrouped)} images.",
            reasons=ungrouped,
            fix=f"add a line for each to {GROUPS_FILE}, or remove the file",
        )
    return [ImageRecord(path=path, label=path.split("/")[0], group=groups[path]) for path in paths]


def _read_groups(text: str) -> dict[str, str]:
    try:
        return _parse_groups(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=None)))
    except csv.Error as error:
        raise DataRejectedError(
            f"{GROUPS_FILE} is not a valid CSV file ({error}).", fix="look for a quotation mark that is not closed"
        ) from error


def _parse_groups(reader: "csv.DictReader[str]") -> dict[str, str]:
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise DataRejectedError(
            f"{GROUPS_FILE} has the columns {list(reader.fieldnames or ())}.",
            fix=f"its first line must name the columns {', '.join(COLUMNS)}, separated by commas",
        )
    groups: dict[str, str] = {}
    faults = []
    for row in reader:
        path, group = (row["path"] or "").strip(), (row["group"] or "").strip()
        if not path or not group:
            faults.append(f"line {reader.line_num}: path or group is empty")
        elif groups.setdefault(path, group) != group:
            faults.append(f"line {reader.line_num}: {path} is in two groups, {groups[path]} and {group}")
    if faults:
        raise DataRejectedError(
            f"{GROUPS_FILE} has {len(faults)} faulty lines.", reasons=faults, fix=f"correct {GROUPS_FILE}"
        )
    return groups


DATASET: Final = DatasetSpec(
    name="image_folder",
    title="Images sorted into one folder per class",
    modality="any",
    source="the owner of the folder",
    layout=f"<class>/*.png or .jpg (deeper folders allowed), optional {GROUPS_FILE}",
    labels=(),
    positive_label="",
    find_records=find_records,
)
