"""The TFRecord files of an artifact of ingested examples."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from schema import contract


@dataclass(frozen=True)
class Picture:
    """An ingested image. Attributes: label: its class; empty where it has none; png: the file as stored."""

    source: str
    label: str
    png: bytes


def split_patterns(examples: types.Artifact, splits: Sequence[str]) -> list[str]:
    """One pattern of files for each split."""
    return [f"{artifact_utils.get_split_uri([examples], split)}/*" for split in splits]


def read_records(patterns: Sequence[str]) -> tf.data.Dataset:
    """The serialized tf.Examples, string (), of all files in the order of the patterns and of the names."""
    files = [file for pattern in patterns for file in sorted(tf.io.gfile.glob(pattern))]
    return tf.data.TFRecordDataset(tf.constant(files, tf.string))


def read_pictures(patterns: Sequence[str]) -> Iterator[Picture]:
    for record in read_records(patterns).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        yield Picture(
            source=_value(features, contract.SOURCE).decode(),
            label=_value(features, contract.LABEL).decode(),
            png=_value(features, contract.IMAGE_ENCODED),
        )


def find_pictures(patterns: Sequence[str], sources: Collection[str]) -> Iterator[Picture]:
    """The images of these sources, in the order of the files; those that are in no file are left out."""
    missing = set(sources)
    pictures = read_pictures(patterns) if missing else iter(())
    for picture in pictures:
        if picture.source in missing:
            missing.remove(picture.source)
            yield picture
        if not missing:
            return


def _value(features: Mapping[str, tf.train.Feature], name: str) -> bytes:
    values: Sequence[bytes] = features[name].bytes_list.value if name in features else ()
    return values[0] if values else b""
