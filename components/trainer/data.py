"""Reads transformed examples for training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray

from components.settings import TransformSettings
from components.transform import parse_image
from schema import contract


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


def read_examples(
    patterns: Sequence[str], transform_output: tft.TFTransformOutput, shape: TransformSettings
) -> tf.data.Dataset:
    """Single examples in the order of the files: image uint8 (height, width, channels), label index int64 ()."""
    specification = transform_output.transformed_feature_spec()

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_single_example(serialized, specification)
        image = parse_image(tf.reshape(features[contract.TRANSFORMED_IMAGE], []), shape)
        return image, tf.reshape(features[contract.TRANSFORMED_LABEL], [])

    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    return tf.data.TFRecordDataset(files, compression_type="GZIP").map(parse, tf.data.AUTOTUNE)


def read_label_indices(examples: tf.data.Dataset) -> NDArray[np.int64]:
    """int64 (examples,), in order."""
    return np.fromiter(examples.map(lambda _, label: label).as_numpy_iterator(), np.int64)


def training_batches(
    examples: tf.data.Dataset, coding: LabelCoding, batch_size: int, seed: int, count: int
) -> tf.data.Dataset:
    """Batches of images, float32 in [0, 255], and targets, shuffled anew each epoch."""
    return (
        examples.cache()
        .shuffle(max(count, 1), seed=seed, reshuffle_each_iteration=True)
        .batch(batch_size)
        .map(_as_floats(coding), tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def evaluation_batches(examples: tf.data.Dataset, coding: LabelCoding, batch_size: int) -> tf.data.Dataset:
    """Batches of images, float32 in [0, 255], and targets, in order."""
    return examples.cache().batch(batch_size).map(_as_floats(coding), tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _as_floats(coding: LabelCoding) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    def convert(images: tf.Tensor, label_indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(images, tf.float32), coding.target(label_indices)

    return convert
