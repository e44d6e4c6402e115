"""From inspected images to the plan: classes, groups, what is left out, splits."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.data_checks.registry import CHECKS
from components.data_checks.spec import CheckSpec, Evidence
from components.datasets.spec import DatasetSpec
from components.image_example_gen.disk_entries import DiskEntries
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.split import assign_splits
from components.labels import known_labels
from components.manifest import PATIENT, SIMILARITY, Manifest, ManifestEntry, SimilarPair, file_of, select
from components.near_duplicates import (
    COPY_SIMILARITY,
    THREADS,
    Rows,
    Workers,
    find_near_duplicates,
    first_of_equal,
    group_by_pairs,
)
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

    entries: Manifest
    pairs: list[SimilarPair]


def plan(spec: DatasetSpec, inspection: Inspection, settings: DataSettings, workers: Workers = THREADS) -> Plan:
    """Decides the class, the group and the split of each image, or that it is left out.

    Args: workers: look for near-duplicates.

    Raises DataRejectedError where the owner of the data has split some images and not others.
    """
    entries = classify(spec, inspection, settings)
    pairs = find_similar_pairs(entries, inspection.fingerprints, workers)
    entries = DiskEntries(_grouped(entries, pairs))
    entries = drop_faulty(Evidence(entries, pairs, spec.modality, settings))
    return Plan(DiskEntries(_split(entries, settings)), pairs)


def classify(spec: DatasetSpec, inspection: Inspection, settings: DataSettings) -> Manifest:
    """The images, and whether each is of a known class and wanted."""
    known = known_labels(spec, settings)
    return DiskEntries(_wanted(_labelled(entry, spec, known), settings) for entry in inspection.entries)


def evidence_of(plan: Plan, spec: DatasetSpec, settings: DataSettings) -> Evidence:
    return Evidence(select(plan.entries, _is_kept), plan.pairs, spec.modality, settings)


def _labelled(entry: ManifestEntry, spec: DatasetSpec, known: Sequence[str]) -> ManifestEntry:
    if not entry.label:
        return replace(entry, unlabelled=f"nothing says its class; the expected layout is {spec.layout}")
    if entry.label not in known:
        return replace(entry, unlabelled=f"the class {entry.label!r} is none of {', '.join(known)}")
    return entry


def find_similar_pairs(entries: Manifest, fingerprints: Rows[np.uint8], workers: Workers) -> list[SimilarPair]:
    """Near-duplicates; among those of named patients only certain ones, since patients resemble each other."""
    pairs = []
    for found in find_near_duplicates(fingerprints, workers):
        first, second = entries[found.first], entries[found.second]
        if min(first.levels, second.levels) <= 1:
            continue  # a blank image shows nothing that another could show too
        same_picture = found.similarity >= COPY_SIMILARITY
        if same_picture or not (first.patient or second.patient):
            pairs.append(SimilarPair(first.source, second.source, found.similarity, found.change, same_picture))
    return pairs


def _grouped(entries: Manifest, pairs: Sequence[SimilarPair]) -> Iterator[ManifestEntry]:
    """Images of one patient, of one file or of one picture form a group; and whatever that connects."""
    shared = [_shared(entries, text_of) for text_of in (_patient_of, _file_of, _pixels_of)]
    firsts = group_by_pairs(len(entries), np.concatenate([_rows_of(entries, pairs), *shared])).tolist()
    patients = _patients_of_groups(entries, firsts)
    for entry, first in zip(entries, firsts, strict=True):
        group = " and ".join(sorted(patients[first])) if first in patients else f"like:{entries[first].source}"
        yield replace(entry, group=group, grouped_by=PATIENT if entry.patient else SIMILARITY)


def _rows_of(entries: Manifest, pairs: Sequence[SimilarPair]) -> NDArray[np.intp]:
    """(pairs, 2)."""
    sources = {source for pair in pairs for source in (pair.first, pair.second)}
    rows = {entry.source: row for row, entry in enumerate(entries) if entry.source in sources}
    return np.array([(rows[pair.first], rows[pair.second]) for pair in pairs], np.intp).reshape(-1, 2)


def _shared(entries: Manifest, text_of: Callable[[ManifestEntry], str]) -> NDArray[np.intp]:
    """(n, 2): the rows that share this text with an earlier one, each with the first one that has it."""
    firsts = first_of_equal(text_of(entry) for entry in entries)
    later = np.flatnonzero(firsts != np.arange(len(firsts)))
    return np.stack([firsts[later], later], axis=1)


def _patient_of(entry: ManifestEntry) -> str:
    return entry.patient


def _file_of(entry: ManifestEntry) -> str:
    return file_of(entry.source)


def _pixels_of(entry: ManifestEntry) -> str:
    return entry.pixel_sha256 if entry.levels > 1 else ""


def _patients_of_groups(entries: Manifest, firsts: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The patients of each group that has any, by its first row."""
    patients: dict[int, tuple[str, ...]] = {}
    for entry, first in zip(entries, firsts, strict=True):
        known = patients.get(first, ())
        if entry.patient and entry.patient not in known:
            patients[first] = (*known, entry.patient)
    return patients


def _wanted(entry: ManifestEntry, settings: DataSettings) -> ManifestEntry:
    """Left out where `data.where` asks for another value, which may have been in the file's header only."""
    if entry.fault or all(entry.attributes.get(name) in values for name, values in settings.where.items()):
        return entry
    return replace(entry, dropped=EXCLUDED)


def drop_faulty(evidence: Evidence) -> Manifest:
    """Leaves out what the checks with that policy find, until they find nothing more."""
    entries = evidence.entries
    for check in CHECKS:
        if getattr(evidence.settings.checks, check.name) == _DROP:
            entries = _drop(check, replace(evidence, entries=entries))
    if entries is evidence.entries:
        return entries
    return drop_faulty(replace(evidence, entries=entries))


def _drop(check: CheckSpec, evidence: Evidence) -> Manifest:
    """The same entries where nothing is found."""
    kept = select(evidence.entries, _is_kept)
    faulty = {source for finding in check.find(replace(evidence, entries=kept)) for source in finding.sources}
    if not faulty:
        return evidence.entries
    return DiskEntries(
        replace(entry, dropped=check.title) if entry.source in faulty else entry for entry in evidence.entries
    )


def _is_kept(entry: ManifestEntry) -> bool:
    return not entry.dropped


def _split(entries: Manifest, settings: DataSettings) -> Iterator[ManifestEntry]:
    splits = _made_splits(select(entries, lambda entry: entry.usable), settings)
    return (replace(entry, split=_split_of(entry, splits)) for entry in entries)


def _split_of(entry: ManifestEntry, splits: Mapping[str, str]) -> str:
    """The owner's, if it is not train; otherwise the one that was made for the group."""
    if not entry.usable:
        return ""
    return splits.get(entry.group, entry.split) if entry.split in ("", contract.TRAIN) else entry.split


def _made_splits(usable: Manifest, settings: DataSettings) -> dict[str, str]:
    """Splits by group.

    Those of all groups, where the owner of the data has split none; otherwise a part of train as eval where the owner
    made none, and test stays what it is.
    """
    if not any(entry.split for entry in usable):
        shares = {split: getattr(settings.split, split) for split in contract.SPLITS}
        return assign_splits(labels_of_groups(usable), shares, settings.seed)
    _check_owners_splits(usable)
    if any(entry.split == contract.EVAL for entry in usable):
        return {}
    elsewhere = {entry.group for entry in usable if entry.split == contract.TEST}
    train = (entry for entry in usable if entry.split == contract.TRAIN and entry.group not in elsewhere)
    shares = {contract.TRAIN: settings.split.train, contract.EVAL: settings.split.eval}
    return assign_splits(labels_of_groups(train), shares, settings.seed)


def _check_owners_splits(entries: Manifest) -> None:
    without = [entry.source for entry in entries if not entry.split]
    if without:
        raise DataRejectedError(
            f"{len(without)} images have no split, and the others do.",
            reasons=without,
            fix="give each image one of train, validation and test, or none of them",
        )


def labels_of_groups(entries: Iterable[ManifestEntry]) -> dict[str, Counter[str]]:
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        labels[entry.group][entry.label] += 1
    return labels
