"""The plan for spans: what a ledger knows stays where it is, and what is new is added to it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from components.data_checks.spec import Evidence
from components.datasets.spec import DatasetSpec
from components.image_example_gen.disk_entries import DiskEntries
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.linking import Linked, link
from components.image_example_gen.planning import Plan, classify, drop_faulty, find_similar_pairs, labels_of_groups
from components.image_example_gen.split import assign_splits
from components.manifest import Manifest, ManifestEntry, SimilarPair, select
from components.near_duplicates import FINGERPRINT_LENGTH, THREADS, DiskRows, Rows, Workers
from components.settings import DataSettings, SpanSettings
from components.spans.dataset import span_of
from components.spans.ledger import Ledger, LedgerError, read_ledger
from schema import contract
from schema.errors import DataRejectedError

OUTSIDE_WINDOW: Final = "outside the window of the spans that are trained on"
_ROWS_AT_ONCE: Final = 1024


def plan_spans(
    spec: DatasetSpec,
    inspection: Inspection,
    settings: DataSettings,
    spans: SpanSettings,
    workers: Workers = THREADS,
) -> Plan:
    """As `plan`, for the images of some spans; its pairs are those among them.

    Raises LedgerError where the ledger is broken, or another one than the settings name.
    """
    ledger = _read(spans)
    known = ledger.entries()
    read = set(spans.folders)
    elsewhere = [row for row, entry in enumerate(known) if span_of(entry.source) not in read and entry.split]
    entries = classify(spec, inspection, settings)
    _check_splits(entries)
    joint = DiskEntries(chain((known[row] for row in elsewhere), entries))
    pairs = find_similar_pairs(joint, _joint_fingerprints(ledger, elsewhere, inspection), workers)
    entries = DiskEntries(_placed(entries, known, pairs))
    among = _among(entries, pairs)
    entries = drop_faulty(Evidence(entries, among, spec.modality, settings))
    return Plan(DiskEntries(_split(entries, known, settings, spans)), among)


def _read(spans: SpanSettings) -> Ledger:
    ledger = read_ledger(Path(spans.ledger))
    if ledger.checksum != spans.ledger_checksum:
        raise LedgerError(
            f"The ledger in {spans.ledger} is not the one that this run was started with.",
            fix="run again; only one retraining at a time may use an output folder",
        )
    return ledger


def _check_splits(entries: Manifest) -> None:
    split = [entry.source for entry in entries if entry.split]
    if split:
        raise DataRejectedError(
            f"The owner of the data has split {len(split)} images, and in retraining the ledger does that.",
            reasons=split,
            fix="bring the images in folders by class or in a table, without splits",
        )


def _joint_fingerprints(ledger: Ledger, rows: Sequence[int], inspection: Inspection) -> Rows[np.uint8]:
    joint, known = DiskRows((FINGERPRINT_LENGTH,), np.uint8), ledger.fingerprints()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        joint.append(known[np.array(rows[start : start + _ROWS_AT_ONCE], np.intp)])
    for start in range(0, len(inspection.fingerprints), _ROWS_AT_ONCE):
        joint.append(inspection.fingerprints[start : start + _ROWS_AT_ONCE])
    return joint


def _placed(
    entries: Manifest, known: Sequence[ManifestEntry], pairs: Sequence[SimilarPair]
) -> Iterator[ManifestEntry]:
    """The group of each image; the split too, where a ledger has decided it; or that it is left out."""
    remembered = {entry.source: entry for entry in known}
    new = [entry for entry in entries if entry.source not in remembered]
    accepted = [entry for entry in known if entry.split]
    linked = dict(zip((entry.source for entry in new), link(accepted, new, pairs), strict=True))
    for entry in entries:
        then = remembered.get(entry.source)
        yield _linked(entry, linked[entry.source]) if then is None else _remembered(entry, then)


def _linked(entry: ManifestEntry, linked: Linked) -> ManifestEntry:
    return replace(
        entry,
        group=linked.group,
        grouped_by=linked.grouped_by,
        split=linked.split,
        dropped=entry.dropped or linked.left_out,
    )


def _remembered(entry: ManifestEntry, then: ManifestEntry) -> ManifestEntry:
    """As it was accepted, even where other settings would take it in by now."""
    dropped = "" if then.split else then.dropped or then.fault or then.unlabelled
    return replace(
        entry, group=then.group, grouped_by=then.grouped_by, split=then.split, dropped=entry.dropped or dropped
    )


def _among(entries: Manifest, pairs: Iterable[SimilarPair]) -> list[SimilarPair]:
    sources = {entry.source for entry in entries}
    return [pair for pair in pairs if pair.first in sources and pair.second in sources]


def _split(
    entries: Manifest, known: Sequence[ManifestEntry], settings: DataSettings, spans: SpanSettings
) -> Iterator[ManifestEntry]:
    """Splits what belongs to nothing accepted so that the shares hold for all that was ever accepted."""
    usable = select(entries, lambda entry: entry.usable)
    free = select(usable, lambda entry: not entry.split)
    sources = {entry.source for entry in entries}
    placed = [entry for entry in known if entry.source not in sources]
    already = _images_of_splits(chain(placed, usable))
    shares = {split: getattr(settings.split, split) for split in contract.SPLITS}
    splits = assign_splits(labels_of_groups(free), shares, settings.seed, already)
    return (_in_window(_in_split(entry, splits), spans) for entry in entries)


def _images_of_splits(entries: Iterable[ManifestEntry]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {split: Counter() for split in contract.SPLITS}
    for entry in entries:
        if entry.split:
            counts[entry.split][entry.label] += 1
    return counts


def _in_split(entry: ManifestEntry, splits: Mapping[str, str]) -> ManifestEntry:
    return replace(entry, split=(entry.split or splits[entry.group]) if entry.usable else "")


def _in_window(entry: ManifestEntry, spans: SpanSettings) -> ManifestEntry:
    if entry.split != contract.TRAIN or span_of(entry.source) in spans.training:
        return entry
    return replace(entry, split="", dropped=OUTSIDE_WINDOW)
