"""Which images show the same."""

from collections import defaultdict
from collections.abc import Collection

from components.data_checks.spec import Evidence
from components.manifest import Manifest, ManifestEntry, SimilarPair, entries_of_pairs
from components.near_duplicates import first_of_equal, group_by_pairs


def same_pictures(evidence: Evidence) -> list[list[ManifestEntry]]:
    """Sets of two or more usable images of one picture, each sorted by source.

    The same are images of equal pixels, and near-duplicates: certain ones, and where no patient is named, which is
    where near-duplicates form the groups, also neighbouring frames.
    """
    of_patients = {
        source for source, entry in entries_of_pairs(evidence.usable, evidence.pairs).items() if entry.patient
    }
    pairs = [
        (pair.first, pair.second)
        for pair in evidence.pairs
        if pair.same_picture or of_patients.isdisjoint((pair.first, pair.second))
    ]
    return united(evidence.usable, [*pairs, *_equal_pixels(evidence.usable)])


def certain_pairs(evidence: Evidence) -> list[SimilarPair]:
    """The pairs of usable images that certainly show one picture."""
    pairs = [pair for pair in evidence.pairs if pair.same_picture]
    entries = entries_of_pairs(evidence.usable, pairs)
    return [pair for pair in pairs if pair.first in entries and pair.second in entries]


def united(entries: Manifest, pairs: Collection[tuple[str, str]]) -> list[list[ManifestEntry]]:
    """The sets of two or more images that pairs of sources connect; pairs of other images do not count."""
    sources = {source for pair in pairs for source in pair}
    paired = [entry for entry in entries if entry.source in sources]
    rows = {entry.source: row for row, entry in enumerate(paired)}
    known = [(rows[first], rows[second]) for first, second in pairs if first in rows and second in rows]
    sets: defaultdict[int, list[ManifestEntry]] = defaultdict(list)
    for entry, first in zip(paired, group_by_pairs(len(paired), known).tolist(), strict=True):
        sets[first].append(entry)
    several = [sorted(same, key=lambda entry: entry.source) for same in sets.values() if len(same) > 1]
    return sorted(several, key=lambda same: same[0].source)


def _equal_pixels(entries: Manifest) -> list[tuple[str, str]]:
    """Each image with the first one of equal pixels; blank images show nothing, so they are not the same."""
    firsts = first_of_equal(entry.pixel_sha256 if entry.levels > 1 else "" for entry in entries)
    return [(entries[first].source, entries[row].source) for row, first in enumerate(firsts.tolist()) if first != row]
