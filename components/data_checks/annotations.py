"""Masks and other drawings taken for images: by their names, and by pixels of two values."""

import re
from typing import Final

from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.manifest import ManifestEntry

# A word of its own in the file's name, not a part of another word.
ANNOTATION_NAME: Final = re.compile(
    r"(?<![a-z])(masks?|segmentation|annotation|annotated|ground[-_ ]?truth|gt|contour|overlay|heatmap)(?![a-z])",
    re.IGNORECASE,
)
# Of a mask all pixels but a blurred edge are black or white. Of 8,589 real images (BUSI, mini-MIAS, IDC) the share is
# at most 0.96.
LEAST_TWO_VALUED: Final = 0.99


def find(evidence: Evidence) -> list[Finding]:
    return [
        Finding(f"{entry.source}: {reason}", (entry.source,))
        for entry in evidence.usable
        if (reason := _reason(entry))
    ]


def _reason(entry: ManifestEntry) -> str:
    if ANNOTATION_NAME.search(entry.source.rsplit("/", 1)[-1]):
        return "the name is that of a mask or another annotation"
    if entry.two_valued >= LEAST_TWO_VALUED:
        return f"{entry.two_valued:.1%} of the pixels are black or white, as in a mask"
    return ""


CHECK = CheckSpec(
    name="annotations",
    title="Masks and other annotations among the images",
    fix="move these files out of the data folder",
    find=find,
    disqualifies=True,
)
