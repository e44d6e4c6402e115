"""BUSI: breast ultrasound images with lesion masks (Al-Dhabyani et al. 2020, doi 10.1016/j.dib.2019.104863).

The masks lie among the images as `<image>_mask.png`, `<image>_mask_1.png` and so on; they are annotations and
never images. There are no patient ids, so near-duplicate images form the groups.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from components.datasets.spec import ULTRASOUND, DatasetSpec, ImageRecord, Listing
from schema.images.suffixes import is_image_path

ROOT: Final = "Dataset_BUSI_with_GT"
LABELS: Final = ("normal", "benign", "malignant")
MASK_NAME: Final = re.compile(r"(?P<image>.*)_mask(_\d+)?", re.IGNORECASE)
IMAGE_NAME: Final = re.compile(rf"(?P<label>{'|'.join(LABELS)}) \(\d+\)", re.IGNORECASE)


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each `<class>/<class> (n).png`, in whatever folder; copies may differ in case and suffix."""
    paths = [path for path in listing.paths if is_image_path(path)]
    return [
        ImageRecord(path=path, label=_label(PurePosixPath(path)))
        for path in paths
        if not MASK_NAME.fullmatch(PurePosixPath(path).stem)
    ]


def find_masks(listing: Listing) -> Mapping[str, Sequence[str]]:
    """The masks beside each image that has some; names may differ in case and suffix, as those of copies do."""
    masks = defaultdict(list)
    for path in listing.paths:
        name = MASK_NAME.fullmatch(PurePosixPath(path).stem)
        if name and is_image_path(path):
            masks[_key(path, name["image"])].append(path)
    images = (record.path for record in find_records(listing))
    return {path: masks[key] for path in images if (key := _key(path, PurePosixPath(path).stem)) in masks}


def _key(path: str, stem: str) -> tuple[str, str]:
    """Of an image by its own path, or by that of a mask beside it."""
    return str(PurePosixPath(path).parent), stem.lower()


def _label(path: PurePosixPath) -> str | None:
    match = IMAGE_NAME.fullmatch(path.stem)
    label = match["label"].lower() if match else None
    return label if path.parent.name.lower() == label else None


DATASET: Final = DatasetSpec(
    name="busi",
    title="BUSI, breast ultrasound images",
    modality=ULTRASOUND,
    source="Al-Dhabyani et al. 2020, Dataset of breast ultrasound images, doi 10.1016/j.dib.2019.104863",
    layout=f"{ROOT}/<class>/<class> (n).png, with class one of {', '.join(LABELS)}",
    labels=LABELS,
    positive_label="malignant",
    find_records=find_records,
    find_masks=find_masks,
)
