"""Second pass over the images: writes the tf.Examples of each split into TFRecord files.

A shard is a fixed list of images in a fixed order, written by one worker from start to end. So its bytes depend
on the manifest alone, and not on how many workers there are; and a worker holds one image at a time.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
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
    path: str
    entries: tuple[ManifestEntry, ...]


def write_shards(
    make_pipeline: Callable[[], beam.Pipeline],
    manifest: Manifest,
    root: str,
    labels: tuple[str, ...],
    split_directories: dict[str, str],
    images_per_shard: int,
    seed: int,
) -> None:
    """Writes every image of the manifest that has a split, in an order drawn from the seed."""
    shards = [
        shard
        for split, directory in split_directories.items()
        for shard in _plan_shards([e for e in manifest if e.split == split], directory, images_per_shard, seed)
    ]
    for directory in split_directories.values():
        fileio.makedirs(directory)
    total = sum(len(shard.entries) for shard in shards)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.ParDo(_WriteShard(root, labels, total))
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


def _plan_shards(entries: list[ManifestEntry], directory: str, images_per_shard: int, seed: int) -> Iterator[_Shard]:
    ordered = sorted(entries, key=lambda entry: (draw_order(seed, entry.source), entry.source))
    starts = range(0, len(ordered), images_per_shard)
    for number, start in enumerate(starts):
        name = f"images-{number:05d}-of-{len(starts):05d}.tfrecord"
        yield _Shard(os.path.join(directory, name), tuple(ordered[start : start + images_per_shard]))


class _WriteShard(beam.DoFn):
    def __init__(self, root: str, labels: tuple[str, ...], total: int) -> None:
        self._root = root
        self._labels = labels
        self._total = total

    def process(self, shard: _Shard) -> Iterator[None]:
        with tf.io.TFRecordWriter(shard.path) as writer:
            for entry in shard.entries:
                example = to_example(self._read_again(entry), entry, self._labels)
                writer.write(example.SerializeToString(deterministic=True))
                report_progress(Progress(TASK, advance=1, total=self._total))
        yield from ()

    def _read_again(self, entry: ManifestEntry) -> bytes:
        try:
            data = read_file(f"{self._root}/{entry.source}")
        except UnreadableImageError as error:
            raise _changed(entry, str(error)) from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise _changed(entry, "its content is another one now")
        return data


def _changed(entry: ManifestEntry, how: str) -> DataRejectedError:
    return DataRejectedError(
        f"{entry.source} changed while the data were being read: {how}.",
        fix="run again when nothing writes to the data folder",
    )


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
