"""The manifest: one line for each image of the data set, written down with the run's artifacts."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from tfx.dsl.io import fileio

FILE_NAME: Final = "manifest.csv"
PATIENT: Final = "patient"
SIMILARITY: Final = "similarity"


@dataclass(frozen=True)
class ManifestEntry:
    """One image.

    Attributes:
        source: path relative to the data folder.
        group: patient, or what stands for one.
        split: train, eval or test; empty where the image was dropped.
        sha256: of the file.
        pixel_sha256: of the canonical pixels; equal for files that show exactly the same.
        height, width: pixels.
        channels: 1 (grey) or 3 (RGB).
        bit_depth: bits per channel in the file.
        dropped: why the image is in no split; empty where it is in one.
        grouped_by: PATIENT where the data name the group, SIMILARITY where near-duplicates form it.
    """

    source: str
    label: str
    group: str
    split: str
    sha256: str
    pixel_sha256: str
    height: int
    width: int
    channels: int
    bit_depth: int
    dropped: str = ""
    grouped_by: str = PATIENT


Manifest = Sequence[ManifestEntry]
_COLUMNS: Final = tuple(field.name for field in fields(ManifestEntry))
_INTEGER_COLUMNS: Final = tuple(field.name for field in fields(ManifestEntry) if field.type is int)


def write_manifest(manifest: Manifest, directory: str) -> None:
    buffer = io.StringIO()
    # Text is always quoted: by default, Python before 3.13 leaves a carriage return bare, and cannot read it again.
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in sorted(manifest, key=lambda entry: entry.source))
    with fileio.open(f"{directory}/{FILE_NAME}", "wb") as file:
        file.write(buffer.getvalue().encode())


def read_manifest(directory: str) -> Manifest:
    with fileio.open(f"{directory}/{FILE_NAME}", "rb") as file:
        text = file.read().decode()
    return [_to_entry(row) for row in csv.DictReader(io.StringIO(text))]


def _to_entry(row: Mapping[str, str]) -> ManifestEntry:
    values: dict[str, Any] = {name: int(value) if name in _INTEGER_COLUMNS else value for name, value in row.items()}
    return ManifestEntry(**values)


def label_conflicts(entries: Iterable[ManifestEntry]) -> list[list[ManifestEntry]]:
    """Sets of images that show the same and carry different labels, each set sorted by source.

    The same means the same pixels or, where near-duplicates form the groups, the same group.
    """
    alike: defaultdict[str, list[ManifestEntry]] = defaultdict(list)
    for entry in entries:
        alike[entry.group if entry.grouped_by == SIMILARITY else entry.pixel_sha256].append(entry)
    conflicts = [same for same in alike.values() if len({entry.label for entry in same}) > 1]
    return sorted(
        (sorted(same, key=lambda entry: entry.source) for same in conflicts), key=lambda same: same[0].source
    )


def images_per_class(manifest: Manifest, split: str, labels: Sequence[str]) -> dict[str, int]:
    """Number of images of each label in a split, in the order of `labels`."""
    counts = Counter(entry.label for entry in manifest if entry.split == split)
    return {label: counts[label] for label in labels}


def groups_of(manifest: Manifest, split: str) -> set[str]:
    return {entry.group for entry in manifest if entry.split == split}
