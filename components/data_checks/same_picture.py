"""Which images show the same."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from components.data_checks.spec import Evidence
from components.manifest import ManifestEntry, SimilarPair
from components.near_duplicates import group_by_pairs


def same_pictures(evidence: Evidence) -> list[list[ManifestEntry]]:
    """Sets of two or more usable images of one picture, each sorted by source.

    The same are images of equal pixels, and near-duplicates: certain ones, and where no patient is named, which is
    where near-duplicates form the groups, also neighbouring frames.
    """
    entries = evidence.usable
    patients = {entry.source: entry.patient for entry in entries}
    pairs = [
        (pair.first, pair.second)
        for pair in evidence.pairs
        if pair.same_picture or not (patients.get(pair.first) or patients.get(pair.second))
    ]
    return united(entries, [*pairs, *_equal_pixels(entries)])


def certain_pairs(evidence: Evidence) -> list[SimilarPair]:
    """The pairs of usable images that certainly show one picture."""
    sources = {entry.source for entry in evidence.usable}
    return [pair for pair in evidence.pairs if pair.same_picture and {pair.first, pair.second} <= sources]


def united(entries: Sequence[ManifestEntry], pairs: Iterable[tuple[str, str]]) -> list[list[ManifestEntry]]:
    """The sets of two or more images that pairs of sources connect; pairs of other images do not count."""
    rows = {entry.source: row for row, entry in enumerate(entries)}
    known = [(rows[first], rows[second]) for first, second in pairs if first in rows and second in rows]
    sets: defaultdict[int, list[ManifestEntry]] = defaultdict(list)
    for entry, first in zip(entries, group_by_pairs(len(entries), known), strict=True):
        sets[first].append(entry)
    several = [sorted(same, key=lambda entry: entry.source) for same in sets.values() if len(same) > 1]
    return sorted(several, key=lambda same: same[0].source)


def _equal_pixels(entries: Iterable[ManifestEntry]) -> list[tuple[str, str]]:
    """Each image with the first one of equal pixels; blank images show nothing, so they are not the same."""
    first: dict[str, str] = {}
    return [
        (first[entry.pixel_sha256], entry.source)
        for entry in entries
        if entry.levels > 1 and first.setdefault(entry.pixel_sha256, entry.source) != entry.source
    ]
