"""Pixels that lost bits on their way, or that fill a small part of their range."""

from collections import defaultdict
from typing import Final

from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.manifest import Manifest, ManifestEntry

# 12 bits in a container of 16 reach 4095 / 65535; the upper 4 of 12 bits in one of 8 reach 15 / 255.
HIGHEST_OF_12_IN_16: Final = 1 / 15.9
HIGHEST_OF_14_IN_16: Final = 1 / 3.99
MOST_WRAPPED: Final = 0.01


def find(evidence: Evidence) -> list[Finding]:
    faint = _faint_sets(evidence.usable)
    return [
        Finding(f"{entry.source}: {reason}", (entry.source,))
        for entry in evidence.usable
        if (reason := _reason(entry, faint))
    ]


def _faint_sets(entries: Manifest) -> set[int]:
    """Bit depths above 8 of which no image reaches a quarter of the range."""
    highest: defaultdict[int, float] = defaultdict(float)
    for entry in entries:
        highest[entry.bit_depth] = max(highest[entry.bit_depth], entry.highest)
    return {depth for depth, value in highest.items() if depth > 8 and value <= HIGHEST_OF_14_IN_16}


def _reason(entry: ManifestEntry, faint: set[int]) -> str:
    if entry.levels == 1:
        return "all pixels have the same value"
    if entry.wrapped >= MOST_WRAPPED:
        return (
            f"{entry.wrapped:.1%} of the neighbouring pixels jump from white to black, as if upper bits were cut off"
        )
    if entry.highest <= HIGHEST_OF_12_IN_16 or entry.bit_depth in faint:
        return f"the brightest pixel is at {entry.highest:.4f} of the range of {entry.bit_depth} bits"
    return ""


CHECK = CheckSpec(
    name="bit_depth",
    title="Wrong bit depth",
    fix="export these images again at their full depth, stretched to 8 or 16 bits, or give the original DICOM files",
    find=find,
)
