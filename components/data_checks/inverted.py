"""Negatives: films whose background is white, such as MONOCHROME1 taken for MONOCHROME2."""

from typing import Final

from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.datasets.spec import MAMMOGRAPHY

BRIGHT: Final = 0.75
DARK: Final = 0.25
USUAL_SHARE: Final = 0.8  # of images with a dark rim, which makes a bright one an exception


def find(evidence: Evidence) -> list[Finding]:
    if not _dark_rims_are_usual(evidence):
        return []
    return [
        Finding(
            f"{entry.source}: the rim is bright ({entry.border:.2f}) and the middle is darker, as in a negative",
            (entry.source,),
        )
        for entry in evidence.usable
        if entry.border >= BRIGHT and entry.mean < entry.border
    ]


def _dark_rims_are_usual(evidence: Evidence) -> bool:
    entries = evidence.usable
    dark = sum(entry.border <= DARK for entry in entries)
    return evidence.modality == MAMMOGRAPHY or (bool(entries) and dark >= USUAL_SHARE * len(entries))


CHECK = CheckSpec(
    name="inverted",
    title="Negatives",
    fix="invert these images, or give the original DICOM files, whose header says that they are MONOCHROME1",
    find=find,
)
