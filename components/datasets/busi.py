"""BUSI: breast ultrasound images with lesion masks (Al-Dhabyani et al. 2020, doi 10.1016/j.dib.2019.104863).

The masks lie among the images as `<image>_mask.png`, `<image>_mask_1.png` and so on; they are annotations and
never images. There are no patient ids, so near-duplicate images form the groups.
"""

import re
from collections.abc import Sequence
from typing import Final

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from schema.errors import DataRejectedError
from schema.images.suffixes import is_image_path

ROOT: Final = "Dataset_BUSI_with_GT"
LABELS: Final = ("normal", "benign", "malignant")
MASK_NAME: Final = re.compile(r"_mask(_\d+)?\.png$")
IMAGE_NAME: Final = re.compile(r"^(?P<label>[a-z]+) \(\d+\)\.png$")


def find_records(listing: Listing, labels: tuple[str, ...]) -> Sequence[ImageRecord]:
    """One record for each `<class>/<class> (n).png`; the folder may be the data folder or its parent."""
    records, misplaced = [], []
    for path in listing.paths:
        if not is_image_path(path) or MASK_NAME.search(path):
            continue
        *_, folder, name = ("", *path.split("/"))
        match = IMAGE_NAME.match(name)
        if match is None or match["label"] != folder or folder not in LABELS:
            misplaced.append(path)
            continue
        if folder not in labels:
            continue  # a task on fewer classes, such as benign against malignant
        records.append(ImageRecord(path=path, label=folder))
    if misplaced:
        raise DataRejectedError(
            f"{len(misplaced)} image files do not follow the naming of BUSI, so their class is unknown.",
            reasons=misplaced,
            fix=f"move them away, or restore the layout {DATASET.layout}",
        )
    return records


DATASET: Final = DatasetSpec(
    name="busi",
    title="BUSI, breast ultrasound images",
    modality="ultrasound",
    source="Al-Dhabyani et al. 2020, Dataset of breast ultrasound images, doi 10.1016/j.dib.2019.104863",
    layout=f"{ROOT}/<class>/<class> (n).png, with class one of {', '.join(LABELS)}",
    labels=LABELS,
    positive_label="malignant",
    find_records=find_records,
)
