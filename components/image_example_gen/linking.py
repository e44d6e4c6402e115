"""Which new images belong to patients that a ledger knows, and which cannot be taken in.

What is in the ledger is never moved. A new image goes where those are that it belongs to; one that belongs to
accepted images of different splits is left out, since it would tell one split what is in the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.cluster.hierarchy import DisjointSet

from components.manifest import PATIENT, SIMILARITY, ManifestEntry, SimilarPair, file_of

REPEATED: Final = "the same picture was accepted before"
CONTRADICTS: Final = "the same picture was accepted under another class"
BRIDGES: Final = "it belongs to accepted images of different splits"


@dataclass(frozen=True)
class Linked:
    """Where a new image belongs.

    Attributes:
        group: that of accepted images it belongs to, or the patients', or `like:` and a source.
        grouped_by: PATIENT or SIMILARITY.
        split: of the accepted images it belongs to; empty where there are none.
        left_out: REPEATED, CONTRADICTS or BRIDGES; empty where it can be taken in.
    """

    group: str
    grouped_by: str
    split: str
    left_out: str


def link(
    accepted: Sequence[ManifestEntry], new: Sequence[ManifestEntry], pairs: Iterable[SimilarPair]
) -> list[Linked]:
    """Links new images to accepted ones.

    Args:
        accepted: with their groups and splits; none without a split.
        new: with the same sources as nothing accepted.
        pairs: images, of both kinds, that show the same or nearly.

    Returns:
        For each new image, in their order. It does not depend on that order.
    """
    families = _Families(accepted)
    partners = _partners(pairs)
    by_source = {entry.source: entry for entry in accepted}
    left_out: dict[str, str] = {}
    for entry in sorted(new, key=lambda entry: entry.source):
        if families.take_in(entry, partners[entry.source]):
            left_out[entry.source] = _seen_before(entry, by_source, partners[entry.source], families)
        else:
            left_out[entry.source] = BRIDGES
    return [families.place(entry, left_out[entry.source]) for entry in new]


def _partners(pairs: Iterable[SimilarPair]) -> defaultdict[str, list[tuple[str, SimilarPair]]]:
    found: defaultdict[str, list[tuple[str, SimilarPair]]] = defaultdict(list)
    for pair in pairs:
        found[pair.first].append((pair.second, pair))
        found[pair.second].append((pair.first, pair))
    return found


class _Families:
    """Images that belong together, by what they have in common; all of a family are in one split, or in none yet."""

    def __init__(self, accepted: Sequence[ManifestEntry]) -> None:
        self._members: DisjointSet = DisjointSet()
        self._split: dict[str, str] = {}  # of a family, by its root
        self._group: dict[str, str] = {}  # that an accepted image of it has, by its root
        self._patients: dict[str, set[str]] = {}  # by its root
        self._with: dict[tuple[str, str], str] = {}  # an image that has this in common
        self.twins: defaultdict[str, list[str]] = defaultdict(list)  # accepted sources, by the checksum of the pixels
        for entry in accepted:
            self._add(entry, entry.split, entry.group)
            first = self._with.setdefault(("group", entry.group), entry.source)
            self._unite(first, entry.source)
            for key in _in_common(entry):
                self._with.setdefault(key, entry.source)
            if entry.levels > 1:
                self.twins[entry.pixel_sha256].append(entry.source)

    def take_in(self, entry: ManifestEntry, partners: Sequence[tuple[str, SimilarPair]]) -> bool:
        """Unites an image with all that it belongs to; False, and nothing is done, where these are of two splits."""
        kin = {self._with[key] for key in _in_common(entry) if key in self._with}
        kin |= {source for source, _ in partners if source in self._members}
        if len({self._split[self._members[source]] for source in kin} - {""}) > 1:
            return False
        self._add(entry, "", "")
        for source in sorted(kin):
            self._unite(source, entry.source)
        for key in _in_common(entry):
            self._with.setdefault(key, entry.source)
        return True

    def place(self, entry: ManifestEntry, left_out: str) -> Linked:
        grouped_by = PATIENT if entry.patient else SIMILARITY
        if entry.source not in self._members:
            return Linked(entry.patient or f"like:{entry.source}", grouped_by, "", left_out)
        root = self._members[entry.source]
        patients = " and ".join(sorted(self._patients[root]))
        group = self._group[root] or patients or f"like:{min(self._members.subset(root))}"
        return Linked(group, grouped_by, self._split[root], left_out)

    def _add(self, entry: ManifestEntry, split: str, group: str) -> None:
        self._members.add(entry.source)
        self._split[entry.source] = split
        self._group[entry.source] = group
        self._patients[entry.source] = {entry.patient} - {""}

    def _unite(self, first: str, second: str) -> None:
        roots = self._members[first], self._members[second]
        self._members.merge(first, second)
        root = self._members[first]
        for of_family in (self._split, self._group):
            of_family[root] = of_family[roots[0]] or of_family[roots[1]]
        self._patients[root] = self._patients[roots[0]] | self._patients[roots[1]]


def _in_common(entry: ManifestEntry) -> Iterator[tuple[str, str]]:
    """What makes images belong together for certain."""
    yield "file", file_of(entry.source)
    if entry.patient:
        yield "patient", entry.patient
    if entry.levels > 1:
        yield "pixels", entry.pixel_sha256


def _seen_before(
    entry: ManifestEntry,
    accepted: Mapping[str, ManifestEntry],
    partners: Sequence[tuple[str, SimilarPair]],
    families: _Families,
) -> str:
    """REPEATED or CONTRADICTS where an accepted image shows the same; empty where none does."""
    twins = families.twins[entry.pixel_sha256] if entry.levels > 1 else []
    same = {source for source, pair in partners if pair.same_picture and source in accepted} | set(twins)
    # Where near-duplicates form the groups, neighbouring frames are of one patient and of one class too.
    alike = {s for s, _ in partners if s in accepted and not (entry.patient or accepted[s].patient)}
    if any(accepted[source].label != entry.label for source in same | alike):
        return CONTRADICTS
    return REPEATED if same else ""
