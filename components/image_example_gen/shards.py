"""Second pass over the images: writes the tf.Examples of each split into TFRecord files.

A shard is a fixed list of images in a fixed order, written by one worker from start to end. So its bytes depend
on the manifest alone, and not on how many workers there are; and a worker holds one image at a time.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.io import fileio

from components.image_example_gen.files import read_file
from components.image_example_gen.manifest import Manifest, ManifestEntry
from components.image_example_gen.split import draw_order
from components.progress import Progress, report_progress
from schema import contract
from schema.errors import DataRejectedError
from schema.images.formats import UnreadableImageError, encode_png, read_image

TASK: Final = "writing examples"


@dataclass(frozen=True)
class _Shard:
    """Attributes: path: of the TFRecord file; entries: its images in order; findings: what its worker reports."""

    path: str
    entries: tuple[ManifestEntry, ...]
    findings: str


@dataclass(frozen=True)
class ShardPlan:
    """How the images of a manifest are spread over files.

    Attributes:
        directories: the folder of each split.
        images_per_shard: images in one file.
        seed: decides the order of the images.
        findings: a folder for what the workers report.
    """

    directories: Mapping[str, str]
    images_per_shard: int
    seed: int
    findings: str

    def shards(self, manifest: Manifest) -> Iterator[_Shard]:
        for split, directory in self.directories.items():
            entries = [entry for entry in manifest if entry.split == split]
            ordered = sorted(entries, key=lambda entry: (draw_order(self.seed, entry.source), entry.source))
            starts = range(0, len(ordered), self.images_per_shard)
            for number, start in enumerate(starts):
                yield _Shard(
                    path=os.path.join(directory, f"images-{number:05d}-of-{len(starts):05d}.tfrecord"),
                    entries=tuple(ordered[start : start + self.images_per_shard]),
                    findings=os.path.join(self.findings, f"{split}-{number:05d}.json"),
                )


def write_shards(
    make_pipeline: Callable[[], beam.Pipeline],
    manifest: Manifest,
    root: str,
    labels: tuple[str, ...],
    shard_plan: ShardPlan,
) -> None:
    """Writes every image of the manifest that has a split.

    Raises DataRejectedError where a file is no longer the one that was inspected.
    """
    shards = list(shard_plan.shards(manifest))
    for directory in [*shard_plan.directories.values(), shard_plan.findings]:
        fileio.makedirs(directory)
    total = sum(len(shard.entries) for shard in shards)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(_WriteShard(root, labels, total))
        )
    changes = [change for shard in shards for change in _read_findings(shard)]
    if changes:
        raise DataRejectedError(
            f"{len(changes)} images changed while the data were being read.",
            reasons=changes,
            fix="run again when nothing writes to the data folder",
        )


def to_example(data: bytes, entry: ManifestEntry, labels: tuple[str, ...]) -> tf.train.Example:
    """The tf.Example of one image file, as `schema.contract` describes it."""
    image = read_image(data)
    mean, std = image.brightness()
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                contract.IMAGE_ENCODED: _bytes(encode_png(image.pixels)),
                contract.IMAGE_FORMAT: _bytes(contract.IMAGE_FORMAT_PNG.encode()),
                contract.IMAGE_HEIGHT: _int64(image.height),
                contract.IMAGE_WIDTH: _int64(image.width),
                contract.IMAGE_CHANNELS: _int64(image.channels),
                contract.IMAGE_BIT_DEPTH: _int64(image.bit_depth),
                contract.IMAGE_MEAN: _float(mean),
                contract.IMAGE_STD: _float(std),
                contract.LABEL: _bytes(entry.label.encode()),
                contract.LABEL_INDEX: _int64(labels.index(entry.label)),
                contract.GROUP: _bytes(entry.group.encode()),
                contract.SOURCE: _bytes(entry.source.encode()),
            }
        )
    )


class _WriteShard(beam.DoFn):
    def __init__(self, root: str, labels: tuple[str, ...], total: int) -> None:
        self._root = root
        self._labels = labels
        self._total = total

    def process(self, shard: _Shard) -> Iterator[None]:
        changes = []
        with tf.io.TFRecordWriter(shard.path) as writer:
            for entry in shard.entries:
                try:
                    data = _read_again(self._root, entry)
                except UnreadableImageError as error:
                    changes.append(f"{entry.source}: {error}")
                    continue
                writer.write(to_example(data, entry, self._labels).SerializeToString(deterministic=True))
                report_progress(Progress(TASK, advance=1, total=self._total))
        # Written down, not raised: of what a worker raises, Beam hands on the traceback's text alone.
        with fileio.open(shard.findings, "wb") as file:
            file.write(json.dumps(changes).encode())
        yield from ()


def _read_again(root: str, entry: ManifestEntry) -> bytes:
    data = read_file(f"{root}/{entry.source}")
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise UnreadableImageError("its content is another one now")
    return data


def _read_findings(shard: _Shard) -> list[str]:
    with fileio.open(shard.findings, "rb") as file:
        findings: list[str] = json.loads(file.read())
    return findings


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
