"""A group, or one picture, in two splits: the test then measures memory.

Splits made here cannot leak. Those made by the owner of the data can, and so can a manifest made by hand.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from components.data_checks.same_picture import same_pictures
from components.data_checks.spec import CheckSpec, Evidence, Finding
from components.manifest import Manifest, ManifestEntry
from schema import contract


def find(evidence: Evidence) -> list[Finding]:
    return [
        *(_finding(f"group {group!r}", members) for group, members in _divided_groups(evidence.usable).items()),
        *(
            _finding("one picture", same)
            for same in same_pictures(evidence)
            if len(_splits(same)) > 1 and len({entry.group for entry in same}) > 1
        ),
    ]


def _divided_groups(entries: Manifest) -> dict[str, list[ManifestEntry]]:
    first: dict[str, str] = {}
    divided = {
        entry.group for entry in entries if entry.split and first.setdefault(entry.group, entry.split) != entry.split
    }
    groups: defaultdict[str, list[ManifestEntry]] = defaultdict(list)
    for entry in entries:
        if entry.group in divided:
            groups[entry.group].append(entry)
    return groups


def _splits(entries: Iterable[ManifestEntry]) -> set[str]:
    return {entry.split for entry in entries} - {""}


def _finding(what: str, entries: Sequence[ManifestEntry]) -> Finding:
    # Images are taken from train first, then from eval, so that what the owner meant as test stays whole.
    stays = max(_splits(entries), key=contract.SPLITS.index)
    examples = [next(entry.source for entry in entries if entry.split == split) for split in sorted(_splits(entries))]
    return Finding(
        f"{what} is in the splits {', '.join(sorted(_splits(entries)))}, for example {', '.join(examples)}",
        tuple(entry.source for entry in entries if entry.split != stays),
    )


CHECK = CheckSpec(
    name="leakage",
    title="A patient or a picture in two splits",
    fix="move all images of a patient, and all copies of a picture, into one split; or make no splits of your own, so"
    " that they are made by group",
    find=find,
)
