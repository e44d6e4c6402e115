"""First pass over the files: decodes each once, measures it, and keeps its canonical form for the second pass."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Final

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.datasets.spec import ImageRecord
from components.image_example_gen.disk_entries import DiskEntries
from components.image_example_gen.files import read_file
from components.image_example_gen.measurement import measure
from components.image_example_gen.store import ImageStore, Location, Locations, NoStore
from components.image_example_gen.whole_files import whole_file
from components.image_example_gen.work_files import do_parts, read_json, write_json, write_parts
from components.manifest import Manifest, ManifestEntry, page_source
from components.near_duplicates import FINGERPRINT_LENGTH, DiskRows, Rows, fingerprint
from components.progress import Progress, report_progress
from schema import contract
from schema.images.formats import CanonicalImage, UnreadableImageError, read_pages

TASK: Final = "reading images"
_BATCH_SIZE: Final = 64


@dataclass(frozen=True)
class Inspection:
    """What the files hold, in the order of the records and their pages.

    Attributes:
        entries: one for each image, and one for each file that cannot be used; without group and split.
        locations: where each image is kept; None for a file that cannot be used.
        fingerprints: uint8 (entries, FINGERPRINT_LENGTH) on disk, zeros for files that cannot be used.
    """

    entries: Manifest
    locations: Locations
    fingerprints: Rows[np.uint8]


@dataclass(frozen=True)
class _Inspected:
    """One image, or a file that cannot be used, which has no image."""

    entry: ManifestEntry
    image: CanonicalImage | None


@dataclass(frozen=True)
class HandedOut:
    """Records that lie in files for the workers. Attributes: directory: of the files; batches, records: how many."""

    directory: str
    batches: int
    records: int


def hand_out(records: Sequence[ImageRecord], directory: str) -> HandedOut:
    """Writes the records into an empty folder that all workers see, so that they need no memory from then on."""
    batches = (
        [asdict(record) for record in records[start : start + _BATCH_SIZE]]
        for start in range(0, len(records), _BATCH_SIZE)
    )
    return HandedOut(directory, write_parts(batches, directory), len(records))


def inspect_images(
    make_pipeline: Callable[[], beam.Pipeline],
    handed_out: HandedOut,
    root: str,
    minimum_side: int,
    store: ImageStore | NoStore,
) -> Inspection:
    """Inspects the images of all records on Beam workers, which leave their findings in the folder of the records."""
    directory = handed_out.directory
    inspect = _InspectBatch(root, minimum_side, directory, store, handed_out.records)
    do_parts(make_pipeline, handed_out.batches, directory, inspect)
    return _gather(directory, handed_out.batches)


def inspect_file(root: str, record: ImageRecord, minimum_side: int) -> Iterator[_Inspected]:
    """The images of one file, one at a time; last of all a fault, where there is one."""
    try:
        data = read_file(f"{root}/{record.path}")
        checksum = hashlib.sha256(data).hexdigest()
        yield from _inspect_pages(read_pages(data), record, checksum, minimum_side)
    except UnreadableImageError as error:
        yield _Inspected(ManifestEntry(source=record.path, label=record.label or "", fault=str(error)), None)


def pixel_checksum(image: CanonicalImage) -> str:
    """SHA-256 of type, shape and values: equal for images that show exactly the same."""
    digest = hashlib.sha256(f"{image.pixels.dtype}{image.pixels.shape}".encode())
    digest.update(np.ascontiguousarray(image.pixels).data)
    return digest.hexdigest()


def _inspect_pages(
    pages: Iterator[CanonicalImage], record: ImageRecord, checksum: str, minimum_side: int
) -> Iterator[_Inspected]:
    """Holds one page back, to know whether it is the only one."""
    first = next(pages)
    try:
        second = next(pages, None)
    except UnreadableImageError:
        yield _inspect(first, record, page_source(record.path, 1), checksum, minimum_side)
        raise
    if second is None:
        yield _inspect(first, record, record.path, checksum, minimum_side)
        return
    yield _inspect(first, record, page_source(record.path, 1), checksum, minimum_side)
    yield _inspect(second, record, page_source(record.path, 2), checksum, minimum_side)
    for number, page in enumerate(pages, start=3):
        yield _inspect(page, record, page_source(record.path, number), checksum, minimum_side)


def _inspect(image: CanonicalImage, record: ImageRecord, source: str, checksum: str, minimum_side: int) -> _Inspected:
    if min(image.height, image.width) < minimum_side:
        raise UnreadableImageError(f"{image.width}x{image.height} pixels, below data.minimum_side={minimum_side}")
    entry = ManifestEntry(
        source=source,
        label=record.label or "",
        patient=record.group or image.facts.patient,
        split=record.split or "",
        attributes=_attributes(record, image),
        sha256=checksum,
        pixel_sha256=pixel_checksum(image),
        height=image.height,
        width=image.width,
        channels=image.channels,
        bit_depth=image.bit_depth,
        **asdict(measure(image)),
    )
    return _Inspected(entry, image)


def _attributes(record: ImageRecord, image: CanonicalImage) -> dict[str, str]:
    """What the data set says, and where it is silent, what the file's header says."""
    header = {contract.VIEW: image.facts.view, contract.SIDE: image.facts.side}
    return {name: value for name, value in header.items() if value} | dict(record.attributes)


@dataclass(frozen=True)
class _InspectBatch:
    """Inspects consecutive records, `total` being the number of all."""

    root: str
    minimum_side: int
    directory: str
    store: ImageStore | NoStore
    total: int

    def __call__(self, number: int, records: list[dict[str, Any]]) -> None:
        rows: list[dict[str, Any]] = []
        prints: list[NDArray[np.uint8]] = []
        with self.store.open_batch(number) as images:
            for record in records:
                for found in inspect_file(self.root, ImageRecord(**record), self.minimum_side):
                    location = None if found.image is None else astuple(images.add(found.image))
                    rows.append({"entry": asdict(found.entry), "location": location})
                    prints.append(_fingerprint(found.image))
        write_json(_findings_path(self.directory, number), rows)
        path = _fingerprints_path(self.directory, number)
        with whole_file(path, self.directory) as partial, fileio.open(partial, "wb") as file:
            file.write(b"".join(row.tobytes() for row in prints))
        report_progress(Progress(TASK, advance=len(records), total=self.total))


def _gather(directory: str, batches: int) -> Inspection:
    fingerprints = DiskRows((FINGERPRINT_LENGTH,), np.uint8)
    for number in range(batches):
        with fileio.open(_fingerprints_path(directory, number), "rb") as file:
            fingerprints.append(np.frombuffer(file.read(), np.uint8).reshape(-1, FINGERPRINT_LENGTH))
    return Inspection(
        DiskEntries(ManifestEntry(**row["entry"]) for row in _findings(directory, batches)),
        Locations(row["location"] and Location(*row["location"]) for row in _findings(directory, batches)),
        fingerprints,
    )


def _findings(directory: str, batches: int) -> Iterator[dict[str, Any]]:
    for number in range(batches):
        yield from read_json(_findings_path(directory, number))


def _fingerprint(image: CanonicalImage | None) -> NDArray[np.uint8]:
    return np.zeros(FINGERPRINT_LENGTH, np.uint8) if image is None else fingerprint(image.pixels)


def _findings_path(directory: str, number: int) -> str:
    return f"{directory}/findings-{number:06d}.json"


def _fingerprints_path(directory: str, number: int) -> str:
    return f"{directory}/fingerprints-{number:06d}.bin"
