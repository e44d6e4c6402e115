"""Mammograms sorted into the folders `benign` and `malignant`, as DICOM or any other image.

The names by which the public collections call their files tell patient, side and view, wherever in the path they
stand: CBIS-DDSM (Lee et al. 2017, doi 10.1038/sdata.2017.177), DDSM, and INbreast (Moreira et al. 2012, doi
10.1016/j.acra.2011.09.014). An optional `groups.csv` names the patients of other images, see `tables.read_groups`;
without either, the header of a DICOM file does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from components.datasets.spec import MAMMOGRAPHY, DatasetSpec, ImageRecord, Listing
from components.datasets.tables import GROUPS_FILE, read_groups
from schema import contract
from schema.images.suffixes import is_image_path

LABELS: Final = ("benign", "malignant")

# The names are looked up in capitals.
CBIS: Final = re.compile(
    r"(?<![0-9A-Z])(?:(?P<finding>MASS|CALC)-(?:TRAINING|TEST)_)?"
    r"(?P<patient>P_\d{5})_(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO)(?![A-Z])"
)
DDSM: Final = re.compile(r"(?<![0-9A-Z])(?P<patient>[A-D]_\d{4})_\d\.(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO)(?![A-Z])")
INBREAST: Final = re.compile(r"(?<![0-9A-Z])\d{8}_(?P<patient>[0-9A-F]{16})_MG_(?P<side>L|R)_(?P<view>CC|ML)_ANON")

# CBIS-DDSM has a crop and a mask of each lesion, in folders named like those of the films with `_1`, `_2` added (but
# `1-1` is the name of a file there); DDSM's small copies and others name masks `..._mask`.
ANNOTATION: Final = re.compile(
    r"(?:MASS|CALC)-(?:TRAINING|TEST)_P_\d{5}_(?:LEFT|RIGHT)_(?:CC|MLO)_(?:\d+(?![\d-])|CROP|MASK)"
    r"|(?:ROI MASK|CROPPED) IMAGES"
    r"|_MASK_?\d*\.[^./]+$"
)

SIDES: Final = {"L": "left", "LEFT": "left", "R": "right", "RIGHT": "right"}
VIEWS: Final = {"CC": "CC", "MLO": "MLO", "ML": "MLO"}  # INbreast's ML are mediolateral oblique
FINDINGS: Final = {"MASS": "mass", "CALC": "calcification"}


@dataclass(frozen=True)
class Facts:
    """What a name tells."""

    patient: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def find_records(listing: Listing) -> Sequence[ImageRecord]:
    """One record for each film, crops and masks of lesions left out; its class is that of a folder above it."""
    paths = [path for path in listing.paths if is_image_path(path) and not ANNOTATION.search(path.upper())]
    groups = read_groups(listing, paths)
    return [_record(path, groups.get(path)) for path in paths]


def _record(path: str, group: str | None) -> ImageRecord:
    """A path that names two classes, or two films, contradicts itself and gives no label."""
    classes = {folder.lower() for folder in PurePosixPath(path).parent.parts} & set(LABELS)
    facts = _facts(path)
    label = next(iter(classes)) if len(classes) == 1 and len(facts) <= 1 else None
    fact = facts[0] if len(facts) == 1 else Facts()
    return ImageRecord(path=path, label=label, group=group or fact.patient, attributes=fact.attributes)


def _facts(path: str) -> list[Facts]:
    """What folders and file name tell, for each film that they name; more than one contradict each other."""
    told: dict[tuple[str, ...], Facts] = {}
    for pattern in (CBIS, DDSM, INBREAST):
        for match in pattern.finditer(path.upper()):
            told.setdefault(match.group("patient", "side", "view"), _fact(match.groupdict()))
    return list(told.values())


def _fact(parts: Mapping[str, Any]) -> Facts:
    attributes = {contract.SIDE: SIDES[parts["side"]], contract.VIEW: VIEWS[parts["view"]]}
    if parts.get("finding"):
        attributes[contract.FINDING] = FINDINGS[parts["finding"]]
    return Facts(parts["patient"], attributes)


DATASET: Final = DatasetSpec(
    name="mammogram",
    title="Mammograms, benign or malignant",
    modality=MAMMOGRAPHY,
    source="the owner of the folder; for instance CBIS-DDSM, Lee et al. 2017, doi 10.1038/sdata.2017.177",
    layout="benign/ and malignant/ with whole films as DICOM, PNG or JPEG (deeper folders allowed), "
    f"optional {GROUPS_FILE}",
    labels=LABELS,
    positive_label="malignant",
    find_records=find_records,
)
