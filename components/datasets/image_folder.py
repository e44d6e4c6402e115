"""Any images sorted into one folder per class, with an optional `groups.csv` that names each image's patient.

Without `groups.csv`, near-duplicate images form the groups, which does not keep one patient's different images
together. See `tables.read_groups` for its columns.
"""

from collections.abc import Sequence
from typing import Final

from components.datasets.spec import ANY_MODALITY, DatasetSpec, ImageRecord, Listing
from components.datasets.tables import GROUPS_FILE, read_groups
from schema.images.suffixes import is_image_path


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each image; its class is the first folder of its path."""
    paths = [path for path in listing.paths if is_image_path(path)]
    groups = read_groups(listing, paths)
    return [ImageRecord(path=path, label=_label(path), group=groups.get(path)) for path in paths]


def _label(path: str) -> str | None:
    folder, slash, _ = path.partition("/")
    return folder if slash else None


DATASET: Final = DatasetSpec(
    name="image_folder",
    title="Images sorted into one folder per class",
    modality=ANY_MODALITY,
    source="the owner of the folder",
    layout=f"<class>/ with images (deeper folders allowed), optional {GROUPS_FILE}",
    labels=(),
    positive_label="",
    find_records=find_records,
)
