"""Reads transformed examples for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.settings import LearningSettings, TransformSettings
from components.transform import parse_image
from schema import contract

_IMAGE_FEATURE: Final = {contract.TRANSFORMED_IMAGE: tf.io.FixedLenFeature([], tf.string)}
_LABEL_FEATURE: Final = {contract.TRANSFORMED_LABEL: tf.io.FixedLenFeature([], tf.int64)}
_SOURCE_FEATURE: Final = {contract.TRANSFORMED_SOURCE: tf.io.FixedLenFeature([], tf.string)}


@dataclass(frozen=True)
class LabelCoding:
    """How a label index becomes the target that the loss compares with.

    Attributes:
        classes: number of classes.
        positive: index of the positive class.
    """

    classes: int
    positive: int

    @property
    def binary(self) -> bool:
        return self.classes == 2

    def target(self, label_index: tf.Tensor) -> tf.Tensor:
        """float32, 1 for the positive class, for two classes; the label index itself for more."""
        if self.binary:
            return tf.cast(label_index == self.positive, tf.float32)
        return label_index

    def to_probabilities(self, outputs: tf.Tensor) -> tf.Tensor:
        """The model's outputs, (batch, 1) or (batch, classes), as (batch, classes) in label order."""
        if not self.binary:
            return outputs
        columns = [1.0 - outputs, outputs] if self.positive == 1 else [outputs, 1.0 - outputs]
        return tf.concat(columns, axis=1)

    def log_odds(self, logits: tf.Tensor) -> tf.Tensor:
        """log(p / (1 - p)) of the positive class, (batch,), from logits (batch, 1) or (batch, classes).

        It is finite, and has a slope, where p is 0 or 1 in float32.
        """
        if self.binary:
            return logits[:, 0]
        others = tf.concat([logits[:, : self.positive], logits[:, self.positive + 1 :]], axis=1)
        return logits[:, self.positive] - tf.reduce_logsumexp(others, axis=1)


def label_coding(settings: LearningSettings) -> LabelCoding:
    return LabelCoding(len(settings.labels), settings.labels.index(settings.positive_label))


@dataclass(frozen=True)
class TransformedExamples:
    """The examples of a split.

    They are sorted by source, because Transform's workers leave them in an order that differs from run to run,
    and with it would differ the trained model. They are held in memory in their compact form.

    Attributes:
        serialized: string (examples,).
        shape: of the images.
    """

    serialized: tf.Tensor
    shape: TransformSettings

    def __len__(self) -> int:
        return int(self.serialized.shape[0])

    def sources(self) -> list[str]:
        features = tf.io.parse_example(self.serialized, _SOURCE_FEATURE)
        return [source.decode() for source in features[contract.TRANSFORMED_SOURCE].numpy()]

    def label_indices(self) -> NDArray[np.int64]:
        """int64 (examples,)."""
        features = tf.io.parse_example(self.serialized, _LABEL_FEATURE)
        indices: NDArray[np.int64] = features[contract.TRANSFORMED_LABEL].numpy()
        return indices

    def read(self, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One example: image, float32 (height, width, channels) in [0, 255], and label index, int64 ()."""
        features = tf.io.parse_single_example(self.serialized[position], _IMAGE_FEATURE | _LABEL_FEATURE)
        image = parse_image(features[contract.TRANSFORMED_IMAGE], self.shape)
        return tf.cast(image, tf.float32), features[contract.TRANSFORMED_LABEL]


def read_examples(patterns: Sequence[str], shape: TransformSettings) -> TransformedExamples:
    """Reads the gzipped TFRecords that Transform wrote, given file patterns."""
    files = [file for pattern in patterns for file in tf.io.gfile.glob(pattern)]
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    serialized = tf.constant(list(records.as_numpy_iterator()), tf.string)
    sources = tf.io.parse_example(serialized, _SOURCE_FEATURE)[contract.TRANSFORMED_SOURCE].numpy()
    return TransformedExamples(tf.gather(serialized, np.argsort(sources, kind="stable")), shape)


def subset(examples: TransformedExamples, positions: NDArray[np.intp]) -> TransformedExamples:
    """The examples at these positions, in their order."""
    return TransformedExamples(tf.gather(examples.serialized, positions), examples.shape)


def training_batches(
    examples: TransformedExamples, coding: LabelCoding, batch_size: int, seed: int, drop_remainder: bool = False
) -> tf.data.Dataset:
    """Batches of images, float32 in [0, 255], and targets, shuffled anew each epoch.

    `drop_remainder` leaves out the last batch of an epoch where it is not full.
    """
    positions = tf.data.Dataset.range(len(examples)).shuffle(len(examples), seed=seed, reshuffle_each_iteration=True)
    return _batches(positions, examples, coding, batch_size, drop_remainder)


def evaluation_batches(examples: TransformedExamples, coding: LabelCoding, batch_size: int) -> tf.data.Dataset:
    """Batches of images, float32 in [0, 255], and targets, in order."""
    return _batches(tf.data.Dataset.range(len(examples)), examples, coding, batch_size, drop_remainder=False)


def _batches(
    positions: tf.data.Dataset,
    examples: TransformedExamples,
    coding: LabelCoding,
    batch_size: int,
    drop_remainder: bool,
) -> tf.data.Dataset:
    def with_target(image: tf.Tensor, label_index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return image, coding.target(label_index)

    return (
        positions.map(examples.read, tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder)
        .map(with_target, tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
