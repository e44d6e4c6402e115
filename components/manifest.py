"""The manifest: one line for each image of the data set, and the pairs of images that show the same.

It is what ingestion decides by, what the data gate judges, and what people read to see where an image went.
"""

import codecs
import csv
import io
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, overload

from tfx.dsl.io import fileio

FILE_NAME: Final = "manifest.csv"
PAIRS_FILE_NAME: Final = "similar_pairs.csv"
PATIENT: Final = "patient"
SIMILARITY: Final = "similarity"
_PAGE: Final = "#page="


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One image: a file, or a page of a file.

    Attributes:
        source: path relative to the data folder; pages of one file have `#page=N` after it.
        label: class name, or what stands in its place.
        group: patient, or what stands for one. Images of one group share a split.
        split: train, eval or test; empty where the image is in none.
        sha256: of the file.
        pixel_sha256: of the canonical pixels; equal for images that show exactly the same.
        height, width: pixels.
        channels: 1 (grey) or 3 (RGB).
        bit_depth: bits per channel in the file.
        mean, std: of the brightness, in [0, 1].
        highest: the largest value in the pixels, as a share of the range, in [0, 1].
        levels: number of different values, in the channel that has most of them.
        two_valued: share of the pixels that are nearly black or nearly white within the range in use.
        border: median brightness along the rim, in [0, 1].
        wrapped: share of neighbouring pixels that differ by more than three quarters of the range.
        markings: largest share, over the four margins, of neighbouring pixels that jump by half the range on a dark
            ground.
        attributes: further facts by name (`contract.ATTRIBUTES`).
        patient: as the data name it; empty where they do not.
        grouped_by: PATIENT where the data name the group, SIMILARITY where near-duplicates form it.
        fault: why the file cannot be used; empty where it can.
        unlabelled: why no class is known; empty where one is.
        dropped: why the image was left out; empty where it was not.
    """

    source: str
    label: str = ""
    group: str = ""
    split: str = ""
    sha256: str = ""
    pixel_sha256: str = ""
    height: int = 0
    width: int = 0
    channels: int = 0
    bit_depth: int = 0
    mean: float = 0.0
    std: float = 0.0
    highest: float = 0.0
    levels: int = 0
    two_valued: float = 0.0
    border: float = 0.0
    wrapped: float = 0.0
    markings: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)
    patient: str = ""
    grouped_by: str = ""
    fault: str = ""
    unlabelled: str = ""
    dropped: str = ""

    @property
    def usable(self) -> bool:
        """Whether the image can be in a split."""
        return not (self.fault or self.unlabelled or self.dropped)


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two images that show the same, or nearly.

    Attributes:
        first, second: sources.
        similarity: 0 (as alike as images of this set usually are) to 1 (the same).
        change: how the second differs in geometry, such as `mirrored`; empty for neither mirrored nor rotated.
        same_picture: whether they are certainly one picture; otherwise they may be neighbouring frames.
    """

    first: str
    second: str
    similarity: float
    change: str
    same_picture: bool


Manifest = Sequence[ManifestEntry]


class Selection(Manifest):
    """Some entries of a manifest, of which it keeps the places alone."""

    def __init__(self, manifest: Manifest, rows: Sequence[int]) -> None:
        """Args: rows: places in the manifest."""
        self._manifest = manifest
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> ManifestEntry: ...

    @overload
    def __getitem__(self, row: slice) -> "Selection": ...

    def __getitem__(self, row: int | slice) -> "ManifestEntry | Selection":
        if isinstance(row, slice):
            return Selection(self._manifest, self._rows[row])
        return self._manifest[self._rows[row]]


def select(manifest: Manifest, wanted: Callable[[ManifestEntry], bool]) -> Selection:
    """The wanted entries, in their order."""
    return Selection(manifest, array("q", (row for row, entry in enumerate(manifest) if wanted(entry))))


def entries_of_pairs(manifest: Manifest, pairs: Iterable[SimilarPair]) -> dict[str, ManifestEntry]:
    """By source, the entries that are in a pair."""
    sources = {source for pair in pairs for source in (pair.first, pair.second)}
    return {entry.source: entry for entry in manifest if entry.source in sources} if sources else {}


def page_source(path: str, number: int) -> str:
    """The source of a page of a file with several; pages count from 1."""
    return f"{path}{_PAGE}{number}"


def file_of(source: str) -> str:
    """The path of the file that an image comes from."""
    return source.partition(_PAGE)[0]


def write_manifest(manifest: Manifest, pairs: Sequence[SimilarPair], directory: str) -> None:
    rows = sorted(range(len(manifest)), key=lambda row: manifest[row].source)
    _write_table(f"{directory}/{FILE_NAME}", ManifestEntry, Selection(manifest, rows))
    _write_table(
        f"{directory}/{PAIRS_FILE_NAME}", SimilarPair, sorted(pairs, key=lambda pair: (pair.first, pair.second))
    )


def read_manifest(directory: str) -> list[ManifestEntry]:
    return [ManifestEntry(**row) for row in _read_table(f"{directory}/{FILE_NAME}", ManifestEntry)]


def read_pairs(directory: str) -> list[SimilarPair]:
    return [SimilarPair(**row) for row in _read_table(f"{directory}/{PAIRS_FILE_NAME}", SimilarPair)]


def images_per_class(manifest: Manifest, split: str, labels: Sequence[str]) -> dict[str, int]:
    """Number of images of each label in a split, in the order of `labels`."""
    counts = Counter(entry.label for entry in manifest if entry.split == split)
    return {label: counts[label] for label in labels}


def groups_of(manifest: Manifest, split: str) -> set[str]:
    return {entry.group for entry in manifest if entry.split == split}


def _write_table(path: str, row_type: type, rows: Iterable[Any]) -> None:
    with fileio.open(path, "wb") as file:
        # Texts are always quoted: by default, Python before 3.13 leaves a carriage return bare, and cannot read it.
        writer = csv.DictWriter(
            codecs.getwriter("utf-8")(file),
            [column.name for column in fields(row_type)],
            lineterminator="\n",
            quoting=csv.QUOTE_NONNUMERIC,
        )
        writer.writeheader()
        writer.writerows(_to_row(row) for row in rows)


def _to_row(row: Any) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in asdict(row).items()}


def _read_table(path: str, row_type: type) -> Iterable[dict[str, Any]]:
    with fileio.open(path, "rb") as file:
        text = file.read().decode()
    parsers = {column.name: _PARSERS.get(column.type, json.loads) for column in fields(row_type)}
    for row in csv.DictReader(io.StringIO(text)):
        yield {name: parsers[name](value) for name, value in row.items()}


_PARSERS: Final[dict[Any, Any]] = {str: str, int: int, float: float, bool: "True".__eq__}
