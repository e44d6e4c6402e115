"""From inspected images to the manifest: groups, what is dropped, splits."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.manifest import PATIENT, SIMILARITY, Manifest, ManifestEntry, label_conflicts
from components.image_example_gen.split import assign_splits
from components.near_duplicates import near_duplicate_groups
from components.settings import DataSettings
from schema.errors import DataRejectedError

DROPPED_FOR_CONFLICT: Final = "the same picture carries different labels"


def find_records(spec: DatasetSpec, listing: Listing, labels: tuple[str, ...]) -> Sequence[ImageRecord]:
    """The images of a data set, sorted by path. Raises DataRejectedError where a class has none."""
    records = sorted(spec.find_records(listing, labels), key=lambda record: record.path)
    counts = Counter(record.label for record in records)
    missing = [f"class {label!r}: no images" for label in labels if not counts[label]]
    if missing:
        raise DataRejectedError(
            f"The data folder lacks images of {len(missing)} of {len(labels)} classes.",
            reasons=missing,
            fix=f"check the folder; the expected layout is {spec.layout}",
        )
    return records


def check_readable(inspections: Sequence[Inspection]) -> None:
    """Raises DataRejectedError that names every image that cannot be used."""
    faults = [f"{inspection.path}: {inspection.fault}" for inspection in inspections if inspection.fault]
    if faults:
        raise DataRejectedError(
            f"{len(faults)} of {len(inspections)} images cannot be used.",
            reasons=faults,
            fix="repair or remove these files",
        )


def plan(
    records: Sequence[ImageRecord],
    inspections: Sequence[Inspection],
    fingerprints: NDArray[np.uint8],
    settings: DataSettings,
    labels: Sequence[str],
) -> Manifest:
    """Decides the split of each image, or that it is dropped."""
    groups = _name_groups(records, fingerprints)
    entries = [
        _entry(record, inspection, group)
        for record, inspection, group in zip(records, inspections, groups, strict=True)
    ]
    if settings.label_conflicts == "drop":
        entries = _drop_conflicts(entries)
    kept = [entry for entry in entries if not entry.dropped]
    splits = assign_splits(_labels_of_groups(kept), labels, settings.split, settings.seed)
    return [entry if entry.dropped else replace(entry, split=splits[entry.group]) for entry in entries]


def _name_groups(records: Sequence[ImageRecord], fingerprints: NDArray[np.uint8]) -> list[str]:
    groups = [record.group for record in records]
    unknown = [row for row, group in enumerate(groups) if group is None]
    first_members = near_duplicate_groups(fingerprints[unknown]) if unknown else []
    for row, first in zip(unknown, first_members, strict=True):
        groups[row] = f"like:{records[unknown[first]].path}"
    return [str(group) for group in groups]


def _entry(record: ImageRecord, inspection: Inspection, group: str) -> ManifestEntry:
    return ManifestEntry(
        source=record.path,
        label=record.label,
        group=group,
        grouped_by=SIMILARITY if record.group is None else PATIENT,
        split="",
        sha256=inspection.sha256,
        pixel_sha256=inspection.pixel_sha256,
        height=inspection.height,
        width=inspection.width,
        channels=inspection.channels,
        bit_depth=inspection.bit_depth,
    )


def _drop_conflicts(entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
    conflicting = {entry.source for same in label_conflicts(entries) for entry in same}
    return [
        replace(entry, dropped=DROPPED_FOR_CONFLICT) if entry.source in conflicting else entry for entry in entries
    ]


def _labels_of_groups(entries: Sequence[ManifestEntry]) -> dict[str, Counter[str]]:
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        labels[entry.group][entry.label] += 1
    return labels
