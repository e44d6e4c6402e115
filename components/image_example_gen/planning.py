"""From inspected images to the plan: classes, groups, what is left out, splits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from components.data_checks.registry import CHECKS
from components.data_checks.spec import CheckSpec, Evidence
from components.datasets.spec import DatasetSpec
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.split import assign_splits
from components.labels import known_labels
from components.manifest import PATIENT, SIMILARITY, ManifestEntry, SimilarPair, file_of
from components.near_duplicates import COPY_SIMILARITY, find_near_duplicates, group_by_pairs
from components.settings import DataSettings
from schema import contract
from schema.errors import DataRejectedError

EXCLUDED: Final = "left out by data.where"
_DROP: Final = "drop"


@dataclass(frozen=True)
class Plan:
    """Where each image goes.

    Attributes:
        entries: in the order of the inspection.
        pairs: images that show the same, or nearly.
    """

    entries: list[ManifestEntry]
    pairs: list[SimilarPair]


def plan(spec: DatasetSpec, inspection: Inspection, settings: DataSettings) -> Plan:
    """Decides the class, the group and the split of each image, or that it is left out.

    Raises DataRejectedError where the owner of the data has split some images and not others.
    """
    known = known_labels(spec, settings)
    entries = [_wanted(_labelled(entry, spec, known), settings) for entry in inspection.entries]
    pairs = _similar_pairs(entries, inspection)
    entries = _grouped(entries, pairs)
    entries = _drop_faulty(Evidence(entries, pairs, spec.modality, settings))
    return Plan(_split(entries, settings), pairs)


def evidence_of(plan: Plan, spec: DatasetSpec, settings: DataSettings) -> Evidence:
    return Evidence([entry for entry in plan.entries if not entry.dropped], plan.pairs, spec.modality, settings)


def _labelled(entry: ManifestEntry, spec: DatasetSpec, known: Sequence[str]) -> ManifestEntry:
    if not entry.label:
        return replace(entry, unlabelled=f"nothing says its class; the expected layout is {spec.layout}")
    if entry.label not in known:
        return replace(entry, unlabelled=f"the class {entry.label!r} is none of {', '.join(known)}")
    return entry


def _similar_pairs(entries: Sequence[ManifestEntry], inspection: Inspection) -> list[SimilarPair]:
    """Near-duplicates; among those of named patients only certain ones, since patients resemble each other."""
    pairs = []
    for found in find_near_duplicates(inspection.fingerprints):
        first, second = entries[found.first], entries[found.second]
        if min(first.levels, second.levels) <= 1:
            continue  # a blank image shows nothing that another could show too
        same_picture = found.similarity >= COPY_SIMILARITY
        if same_picture or not (first.patient or second.patient):
            pairs.append(SimilarPair(first.source, second.source, found.similarity, found.change, same_picture))
    return pairs


def _grouped(entries: Sequence[ManifestEntry], pairs: Iterable[SimilarPair]) -> list[ManifestEntry]:
    """Images of one patient, of one file or of one picture form a group; and whatever that connects."""
    rows = {entry.source: row for row, entry in enumerate(entries)}
    similar = [(rows[pair.first], rows[pair.second]) for pair in pairs]
    firsts = group_by_pairs(len(entries), [*similar, *_shared(entries)])
    members: defaultdict[int, list[ManifestEntry]] = defaultdict(list)
    for entry, first in zip(entries, firsts, strict=True):
        members[first].append(entry)
    names = {first: _group_name(group) for first, group in members.items()}
    return [
        replace(entry, group=names[first], grouped_by=PATIENT if entry.patient else SIMILARITY)
        for entry, first in zip(entries, firsts, strict=True)
    ]


def _shared(entries: Sequence[ManifestEntry]) -> Iterable[tuple[int, int]]:
    """Each row with the first one of the same patient, of the same file, and of the same pixels unless blank."""
    first: dict[tuple[str, str], int] = {}
    for row, entry in enumerate(entries):
        if entry.patient:
            yield first.setdefault((PATIENT, entry.patient), row), row
        yield first.setdefault(("file", file_of(entry.source)), row), row
        if entry.levels > 1:
            yield first.setdefault(("pixels", entry.pixel_sha256), row), row


def _group_name(members: Sequence[ManifestEntry]) -> str:
    patients = sorted({entry.patient for entry in members if entry.patient})
    if patients:
        return " and ".join(patients)
    return f"like:{members[0].source}"


def _wanted(entry: ManifestEntry, settings: DataSettings) -> ManifestEntry:
    """Left out where `data.where` asks for another value, which may have been in the file's header only."""
    if entry.fault or all(entry.attributes.get(name) in values for name, values in settings.where.items()):
        return entry
    return replace(entry, dropped=EXCLUDED)


def _drop_faulty(evidence: Evidence) -> list[ManifestEntry]:
    """Leaves out what the checks with that policy find, until they find nothing more."""
    entries = list(evidence.entries)
    for check in CHECKS:
        if getattr(evidence.settings.checks, check.name) == _DROP:
            entries = _drop(check, replace(evidence, entries=entries))
    if entries == list(evidence.entries):
        return entries
    return _drop_faulty(replace(evidence, entries=entries))


def _drop(check: CheckSpec, evidence: Evidence) -> list[ManifestEntry]:
    kept = [entry for entry in evidence.entries if not entry.dropped]
    faulty = {source for finding in check.find(replace(evidence, entries=kept)) for source in finding.sources}
    return [replace(entry, dropped=check.title) if entry.source in faulty else entry for entry in evidence.entries]


def _split(entries: Sequence[ManifestEntry], settings: DataSettings) -> list[ManifestEntry]:
    entries = [entry if entry.usable else replace(entry, split="") for entry in entries]
    usable = [entry for entry in entries if entry.usable]
    if any(entry.split for entry in usable):
        _check_owners_splits(usable)
        return _with_eval(entries, settings)
    shares = {split: getattr(settings.split, split) for split in contract.SPLITS}
    splits = assign_splits(_labels_of_groups(usable), shares, settings.seed)
    return [replace(entry, split=splits[entry.group]) if entry.usable else entry for entry in entries]


def _check_owners_splits(entries: Sequence[ManifestEntry]) -> None:
    without = [entry.source for entry in entries if not entry.split]
    if without:
        raise DataRejectedError(
            f"{len(without)} images have no split, and the others do.",
            reasons=without,
            fix="give each image one of train, validation and test, or none of them",
        )


def _with_eval(entries: Sequence[ManifestEntry], settings: DataSettings) -> list[ManifestEntry]:
    """The owner's splits, with a part of train as eval where the owner made none; test stays what it is."""
    if any(entry.split == contract.EVAL for entry in entries):
        return list(entries)
    elsewhere = {entry.group for entry in entries if entry.split == contract.TEST}
    train = [entry for entry in entries if entry.split == contract.TRAIN and entry.group not in elsewhere]
    shares = {contract.TRAIN: settings.split.train, contract.EVAL: settings.split.eval}
    splits = assign_splits(_labels_of_groups(train), shares, settings.seed)
    return [
        replace(entry, split=splits.get(entry.group, entry.split)) if entry.split == contract.TRAIN else entry
        for entry in entries
    ]


def _labels_of_groups(entries: Iterable[ManifestEntry]) -> dict[str, Counter[str]]:
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        labels[entry.group][entry.label] += 1
    return labels
