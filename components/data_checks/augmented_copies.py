"""Rotated, mirrored or rescaled copies: sets that were augmented before they were split.

Copies stay in one group, so they do not leak; but they count one patient many times, in the test too.
"""

from typing import Final

from components.data_checks.same_picture import certain_pairs, united
from components.data_checks.spec import CheckSpec, Evidence, Finding, name_images
from components.manifest import ManifestEntry, SimilarPair, entries_of_pairs

LEAST_SCALE: Final = 1.05
MOST_STRETCH: Final = 1.02  # a copy that was only rescaled keeps its aspect ratio


def find(evidence: Evidence) -> list[Finding]:
    pairs = certain_pairs(evidence)
    entries = entries_of_pairs(evidence.usable, pairs)
    changes = {(pair.first, pair.second): _change(pair, entries) for pair in pairs}
    copies = {pair: change for pair, change in changes.items() if change}
    return [_finding(same, copies) for same in united(list(entries.values()), copies)]


def _finding(same: list[ManifestEntry], copies: dict[tuple[str, str], str]) -> Finding:
    sources = {entry.source for entry in same}
    kinds = sorted({change for pair, change in copies.items() if pair[0] in sources})
    original = min(same, key=lambda entry: (-entry.height * entry.width, entry.source))
    others = tuple(entry.source for entry in same if entry.source != original.source)
    return Finding(f"{original.source} and {name_images(others)} ({name_images(kinds)})", others)


def _change(pair: SimilarPair, entries: dict[str, ManifestEntry]) -> str:
    if pair.change:
        return pair.change
    first, second = entries[pair.first], entries[pair.second]
    down, across = first.height / second.height, first.width / second.width
    rescaled = max(down, 1 / down) >= LEAST_SCALE and max(down / across, across / down) <= MOST_STRETCH
    return "rescaled" if rescaled else ""


CHECK = CheckSpec(
    name="augmented_copies",
    title="Copies made by augmentation",
    fix="keep the original pictures only; training augments by itself (train.augmentation)",
    find=find,
)
