"""First pass over the images: what each file holds, or why it cannot be used."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.datasets.spec import ImageRecord
from components.image_example_gen.files import read_file
from components.near_duplicates import FINGERPRINT_LENGTH, fingerprint
from components.progress import Progress, report_progress
from schema.images.formats import CanonicalImage, UnreadableImageError, read_image

TASK: Final = "reading images"
_BATCH_SIZE: Final = 64


@dataclass(frozen=True)
class Inspection:
    """What one file holds. `fault` says why it cannot be used, and is empty where it can."""

    path: str
    sha256: str = ""
    pixel_sha256: str = ""
    height: int = 0
    width: int = 0
    channels: int = 0
    bit_depth: int = 0
    fault: str = ""


@dataclass(frozen=True)
class _Batch:
    """Consecutive records that one worker inspects."""

    number: int
    records: tuple[ImageRecord, ...]


def inspect_images(
    make_pipeline: Callable[[], beam.Pipeline],
    records: Sequence[ImageRecord],
    root: str,
    minimum_side: int,
    directory: str,
) -> tuple[list[Inspection], NDArray[np.uint8]]:
    """Inspects all images on Beam workers, which leave their findings in `directory`.

    Returns:
        In the order of the records: one inspection each, and uint8 (records, FINGERPRINT_LENGTH), zeros for
        images whose group is known or that cannot be used.
    """
    batches = [
        _Batch(number, tuple(records[start : start + _BATCH_SIZE]))
        for number, start in enumerate(range(0, len(records), _BATCH_SIZE))
    ]
    fileio.makedirs(directory)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Batches" >> beam.Create(batches)
            | "Spread" >> beam.Reshuffle()
            | "Inspect" >> beam.ParDo(_InspectBatch(root, minimum_side, directory, len(records)))
        )
    inspections: list[Inspection] = []
    fingerprints = new_fingerprints(len(records))
    for batch in batches:
        start = len(inspections)
        with fileio.open(_findings_path(directory, batch.number), "rb") as file:
            inspections.extend(Inspection(**row) for row in json.loads(file.read()))
        with fileio.open(_fingerprints_path(directory, batch.number), "rb") as file:
            fingerprints[start : len(inspections)] = np.load(file, allow_pickle=False)
    return inspections, fingerprints


def new_fingerprints(images: int) -> NDArray[np.uint8]:
    """uint8 (images, FINGERPRINT_LENGTH), zeros."""
    return np.zeros((images, FINGERPRINT_LENGTH), np.uint8)


def pixel_checksum(image: CanonicalImage) -> str:
    """SHA-256 of type, shape and values: equal for files that show exactly the same."""
    header = f"{image.pixels.dtype}{image.pixels.shape}".encode()
    return hashlib.sha256(header + image.pixels.tobytes()).hexdigest()


class _InspectBatch(beam.DoFn):
    def __init__(self, root: str, minimum_side: int, directory: str, total: int) -> None:
        self._root = root
        self._minimum_side = minimum_side
        self._directory = directory
        self._total = total

    def process(self, batch: _Batch) -> Iterator[None]:
        fingerprints = new_fingerprints(len(batch.records))
        inspections = []
        for row, record in enumerate(batch.records):
            inspection, image = inspect_image(self._root, record.path, self._minimum_side)
            inspections.append(asdict(inspection))
            if image is not None and record.group is None:
                fingerprints[row] = fingerprint(image.pixels)
        with fileio.open(_findings_path(self._directory, batch.number), "wb") as file:
            file.write(json.dumps(inspections).encode())
        with fileio.open(_fingerprints_path(self._directory, batch.number), "wb") as file:
            np.save(file, fingerprints, allow_pickle=False)
        report_progress(Progress(TASK, advance=len(batch.records), total=self._total))
        yield from ()


def inspect_image(root: str, path: str, minimum_side: int) -> tuple[Inspection, CanonicalImage | None]:
    """Reads one file; without an image where it cannot be used."""
    try:
        data = read_file(f"{root}/{path}")
        image = read_image(data)
    except UnreadableImageError as error:
        return Inspection(path, fault=str(error)), None
    if min(image.height, image.width) < minimum_side:
        size = f"{image.width}x{image.height} pixels"
        return Inspection(path, fault=f"{size}, below data.minimum_side={minimum_side}"), None
    inspection = Inspection(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=pixel_checksum(image),
        height=image.height,
        width=image.width,
        channels=image.channels,
        bit_depth=image.bit_depth,
    )
    return inspection, image


def _findings_path(directory: str, number: int) -> str:
    return f"{directory}/findings-{number:06d}.json"


def _fingerprints_path(directory: str, number: int) -> str:
    return f"{directory}/fingerprints-{number:06d}.npy"
