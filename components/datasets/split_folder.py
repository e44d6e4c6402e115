"""Any images that their owner has split already: one folder per split, and in it one per class.

The folders of the splits are `train`, `validation` (or `val`, `valid`, `eval`, `dev`) and `test`, in any case. An
optional `groups.csv` names each image's patient, see `tables.read_groups`.
"""

from collections.abc import Sequence
from typing import Final

from components.datasets.spec import ANY_MODALITY, DatasetSpec, ImageRecord, Listing
from components.datasets.splits import split_named
from components.datasets.tables import GROUPS_FILE, read_groups
from schema.images.suffixes import is_image_path


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each image; the first folder of its path is the split and the second the class."""
    paths = [path for path in listing.paths if is_image_path(path)]
    groups = read_groups(listing, paths)
    return [_record(path, groups.get(path)) for path in paths]


def _record(path: str, group: str | None) -> ImageRecord:
    *folders, _ = path.split("/")
    split = split_named(folders[0]) if folders else None
    label = folders[1] if split and len(folders) > 1 else None
    return ImageRecord(path=path, label=label, group=group, split=split)


DATASET: Final = DatasetSpec(
    name="split_folder",
    title="Images split by their owner, in one folder per split and class",
    modality=ANY_MODALITY,
    source="the owner of the folder",
    layout=f"train/<class>/, validation/<class>/ and test/<class>/ with images, optional {GROUPS_FILE}",
    labels=(),
    positive_label="",
    find_records=find_records,
)
