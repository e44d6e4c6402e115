"""Second pass: sorts the encoded images into the TFRecord files of each split.

A shard is a fixed list of images in a fixed order, written by one worker from start to end. So its bytes depend
on the manifest alone, and not on how many workers there are; and a worker holds one image at a time.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Final

import apache_beam as beam
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.image_example_gen.size_bands import size_band
from components.image_example_gen.split import DRAWN_LENGTH, draw_order
from components.image_example_gen.store import ImageStore, Location
from components.image_example_gen.whole_files import whole_file
from components.image_example_gen.work_files import do_parts, write_parts
from components.manifest import Manifest, ManifestEntry
from components.progress import Progress, report_progress
from schema import contract

TASK: Final = "writing examples"


@dataclass(frozen=True)
class _Image:
    """An image of a split, and where its PNG file is kept."""

    entry: ManifestEntry
    location: Location


@dataclass(frozen=True)
class _Shard:
    """Attributes: path: of the TFRecord file; images: in their order."""

    path: str
    images: tuple[_Image, ...]

    def to_values(self) -> dict[str, Any]:
        """In values that JSON knows."""
        return {
            "path": self.path,
            "images": [(asdict(image.entry), astuple(image.location)) for image in self.images],
        }

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "_Shard":
        images = (_Image(ManifestEntry(**entry), Location(*place)) for entry, place in values["images"])
        return cls(values["path"], tuple(images))


@dataclass(frozen=True)
class ShardPlan:
    """How images are spread over files.

    Attributes:
        directories: the folder of each split.
        partial_directory: where files are written before they are moved to those folders, on the same file system;
            not one of them, since readers take every file there for an example file.
        images_per_shard: images in one file.
        seed: decides the order of the images.
    """

    directories: Mapping[str, str]
    partial_directory: str
    images_per_shard: int
    seed: int

    def shards(self, manifest: Manifest, locations: Sequence[Location | None]) -> Iterator[_Shard]:
        """At least one for each split, since readers expect a file."""
        for split, directory in self.directories.items():
            rows = self._in_order(manifest, split)
            starts = range(0, max(1, len(rows)), self.images_per_shard)
            for number, start in enumerate(starts):
                yield _Shard(
                    path=os.path.join(directory, f"images-{number:05d}-of-{len(starts):05d}.tfrecord"),
                    images=tuple(
                        _Image(manifest[row], location)
                        for row in rows[start : start + self.images_per_shard].tolist()
                        if (location := locations[row])
                    ),
                )

    def _in_order(self, manifest: Manifest, split: str) -> NDArray[np.intp]:
        """(images of the split,): their rows."""
        rows = np.fromiter((row for row, entry in enumerate(manifest) if entry.split == split), np.intp)
        keys = (draw_order(self.seed, manifest[row].source).encode() for row in rows.tolist())
        return rows[np.argsort(np.fromiter(keys, f"S{DRAWN_LENGTH}", len(rows)))]


def write_shards(
    make_pipeline: Callable[[], beam.Pipeline],
    manifest: Manifest,
    locations: Sequence[Location | None],
    store: ImageStore,
    labels: tuple[str, ...],
    shard_plan: ShardPlan,
    directory: str,
) -> None:
    """Writes every image that has a split.

    Args:
        locations: of the images of the manifest, in their order.
        directory: to work in, which all workers see.
    """
    for written_directory in (*shard_plan.directories.values(), shard_plan.partial_directory):
        fileio.makedirs(written_directory)
    images = sum(1 for entry in manifest if entry.split)
    shards = (shard.to_values() for shard in shard_plan.shards(manifest, locations))
    write_shard = _WriteShard(store, labels, images, shard_plan.partial_directory)
    do_parts(make_pipeline, write_parts(shards, directory), directory, write_shard)
    fileio.rmtree(shard_plan.partial_directory)


def to_example(png: bytes, entry: ManifestEntry, labels: tuple[str, ...]) -> tf.train.Example:
    """The tf.Example of one image, as `schema.contract` describes it."""
    attributes = {
        contract.ATTRIBUTE_PREFIX + name: _bytes(value.encode()) for name, value in entry.attributes.items()
    }
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                contract.IMAGE_ENCODED: _bytes(png),
                contract.IMAGE_FORMAT: _bytes(contract.IMAGE_FORMAT_PNG.encode()),
                contract.IMAGE_HEIGHT: _int64(entry.height),
                contract.IMAGE_WIDTH: _int64(entry.width),
                contract.IMAGE_CHANNELS: _int64(entry.channels),
                contract.IMAGE_BIT_DEPTH: _int64(entry.bit_depth),
                contract.IMAGE_MEAN: _float(entry.mean),
                contract.IMAGE_STD: _float(entry.std),
                contract.IMAGE_SIZE_BAND: _bytes(size_band(entry.height, entry.width).encode()),
                contract.LABEL: _bytes(entry.label.encode()),
                contract.LABEL_INDEX: _int64(labels.index(entry.label)),
                contract.GROUP: _bytes(entry.group.encode()),
                contract.SOURCE: _bytes(entry.source.encode()),
                **attributes,
            }
        )
    )


@dataclass(frozen=True)
class _WriteShard:
    store: ImageStore
    labels: tuple[str, ...]
    total: int
    partial_directory: str

    def __call__(self, number: int, values: dict[str, Any]) -> None:
        shard = _Shard.from_values(values)
        with whole_file(shard.path, self.partial_directory) as partial, tf.io.TFRecordWriter(partial) as writer:
            for image in shard.images:
                example = to_example(self.store.read(image.location), image.entry, self.labels)
                writer.write(example.SerializeToString(deterministic=True))
        report_progress(Progress(TASK, advance=len(shard.images), total=self.total))


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int64(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
