"""Any images, in any folders, with a `manifest.csv` that says what each of them is.

`manifest.csv` has the columns `path` (relative to the data folder, with forward slashes) and `label`, and may have
`group` (the patient), `split` (train, eval or test) and the attributes of `contract.ATTRIBUTES`. No other column is
read or let pass, so that nothing personal slips in. An image that the manifest does not name is no part of the data
set: the manifest is the list. An empty label leaves the class unknown, an empty attribute is absent; where there is
a column for the group or the split, each image needs a value.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from components.datasets.spec import ANY_MODALITY, DatasetSpec, ImageRecord, Listing
from components.datasets.splits import split_named
from components.datasets.tables import Row, has_table, read_table, reject_faulty_lines
from schema.contract import ATTRIBUTES, SPLITS
from schema.errors import DataRejectedError
from schema.images.suffixes import is_image_path

MANIFEST_FILE: Final = "manifest.csv"
REQUIRED_COLUMNS: Final = ("path", "label")
OPTIONAL_COLUMNS: Final = ("group", "split", *ATTRIBUTES)


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each row of the manifest, sorted by path."""
    if not has_table(listing, MANIFEST_FILE):
        raise DataRejectedError(
            f"The data folder has no {MANIFEST_FILE}.",
            fix=f"write one with the columns {', '.join(REQUIRED_COLUMNS)}, and a line for each image",
        )
    rows = read_table(listing, MANIFEST_FILE, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    reject_faulty_lines(MANIFEST_FILE, list(_faults(rows, frozenset(listing.paths))))
    return sorted((_record(row.cells) for row in rows), key=lambda record: record.path)


def _faults(rows: Sequence[Row], files: Collection[str]) -> Iterator[str]:
    first_lines: dict[str, int] = {}
    for row in rows:
        path = row.cells["path"]
        faults = [_path_fault(path, files), _value_fault(row.cells)]
        if path and (first := first_lines.setdefault(path, row.line)) != row.line:
            faults.append(f"{path} is named on line {first} already")
        yield from (f"line {row.line}: {fault}" for fault in faults if fault)


def _path_fault(path: str, files: Collection[str]) -> str:
    if not path:
        return "the path is empty"
    if path.startswith("/") or ".." in path.split("/"):
        return f"{path} is not relative to the data folder, or leaves it"
    if path not in files:
        return f"there is no file {path} in the data folder"
    return "" if is_image_path(path) else f"{path} is no image by its suffix"


def _value_fault(cells: Mapping[str, str]) -> str:
    if cells.get("group") == "":  # a patient known for some images alone would let the others leak
        return "the group is empty"
    if "split" in cells and split_named(cells["split"]) is None:
        return f"the split {cells['split']!r} is none of {', '.join(SPLITS)}"
    return ""


def _record(cells: Mapping[str, str]) -> ImageRecord:
    return ImageRecord(
        path=cells["path"],
        label=cells["label"] or None,
        group=cells.get("group"),
        split=split_named(cells["split"]) if "split" in cells else None,
        attributes={name: cells[name] for name in ATTRIBUTES if cells.get(name)},
    )


DATASET: Final = DatasetSpec(
    name="csv",
    title=f"Images named by {MANIFEST_FILE}",
    modality=ANY_MODALITY,
    source="the owner of the folder",
    layout=f"{MANIFEST_FILE} with the columns {', '.join(REQUIRED_COLUMNS)}; images anywhere in the folder",
    labels=(),
    positive_label="",
    find_records=find_records,
)
