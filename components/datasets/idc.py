"""IDC: patches of 50 by 50 pixels of breast cancer slides, with or without invasive ductal carcinoma.

Cruz-Roa et al. 2014 (doi 10.1117/12.2043872); Janowczyk and Madabhushi 2016 (doi 10.4103/2153-3539.186902). A patch
is named `<patient>_idx5_x<X>_y<Y>_class<0 or 1>.png` and lies in `<patient>/<0 or 1>/`.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from components.datasets.spec import HISTOPATHOLOGY, DatasetSpec, ImageRecord, Listing
from schema.images.suffixes import is_image_path

ROOT: Final = "IDC_regular_ps50_idx5"
NEGATIVE: Final = "non_idc"
POSITIVE: Final = "idc"
CLASSES: Final = {"0": NEGATIVE, "1": POSITIVE}
PATCH_NAME: Final = re.compile(r"(?P<patient>\d+)_idx\d+_x\d+_y\d+_class(?P<label>[01])")


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each patch, in whatever folder, with the patient as its group.

    The archive on Kaggle holds the data set twice, the second time below `IDC_regular_ps50_idx5/`; that copy is left
    out.
    """
    files = frozenset(listing.paths)
    return [
        _record(path)
        for path in listing.paths
        if is_image_path(path) and not (path.startswith(f"{ROOT}/") and path.removeprefix(f"{ROOT}/") in files)
    ]


def _record(path: str) -> ImageRecord:
    """The name decides; a patch that lies in the folder of the other class has no label."""
    match = PATCH_NAME.fullmatch(PurePosixPath(path).stem)
    if match is None:
        return ImageRecord(path=path, label=None)
    folder = PurePosixPath(path).parent.name
    contradicted = folder in CLASSES and folder != match["label"]
    label = None if contradicted else CLASSES[match["label"]]
    return ImageRecord(path=path, label=label, group=match["patient"])


DATASET: Final = DatasetSpec(
    name="idc",
    title="IDC, histopathology patches with and without invasive ductal carcinoma",
    modality=HISTOPATHOLOGY,
    source="Cruz-Roa et al. 2014, doi 10.1117/12.2043872; "
    "Janowczyk and Madabhushi 2016, doi 10.4103/2153-3539.186902",
    layout="<patient>/<0 or 1>/<patient>_idx5_x<X>_y<Y>_class<0 or 1>.png",
    labels=(NEGATIVE, POSITIVE),
    positive_label=POSITIVE,
    find_records=find_records,
)
