"""What is learnt from: images of a split and, under a frozen backbone, their features."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.features.store import ImageFeatures, read_features
from components.settings import TransformSettings
from components.trainer.data import LabelCoding, TransformedExamples, read_examples, subset

HELD_BYTES: Final = 2**30
IMAGES_PER_BATCH: Final = 256  # of which all views are in memory at once


@dataclass(frozen=True)
class LearningSet:
    """Images with their labels.

    Attributes:
        examples: the transformed images.
        features: of the same images; None where no backbone is frozen.
        rows: (examples,), where in the features each example is.
    """

    examples: TransformedExamples
    features: ImageFeatures | None
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.examples)

    def subset(self, positions: NDArray[np.intp]) -> "LearningSet":
        """The images at these positions, in their order."""
        return LearningSet(subset(self.examples, positions), self.features, self.rows[positions])

    def first_views(self) -> NDArray[np.float16]:
        """Features of the images as they are, (images, rows, columns, channels)."""
        return self._maps()[self.rows, 0]

    def map_batches(self) -> Iterator[NDArray[np.float32]]:
        """Features of all views, in batches of (batch, rows, columns, channels)."""
        maps = self._maps()
        for start in range(0, len(self.rows), IMAGES_PER_BATCH):
            chosen = maps[self.rows[start : start + IMAGES_PER_BATCH]]
            yield chosen.reshape(-1, *maps.shape[2:]).astype(np.float32)

    def feature_batches(self, targets: NDArray[Any], batch_size: int, seed: int) -> tf.data.Dataset:
        """Features and targets of all images in a new order each epoch, each image in one of its views, drawn anew.

        Yields float32 (batch, rows, columns, channels) and (batch,).
        """
        maps, count = self._maps(), len(self.rows)
        random = np.random.default_rng(seed)

        def draw_epoch() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            yield random.permutation(count), random.integers(0, maps.shape[1], count)

        drawn = tf.TensorSpec((count,), tf.int64)
        # Python draws once for an epoch; that it handed over each batch would take longer than the step of a head.
        places = tf.data.Dataset.from_generator(draw_epoch, output_signature=(drawn, drawn)).unbatch()
        read, labels = _reader(maps, self.rows), tf.constant(targets)
        batches = places.batch(batch_size).map(lambda chosen, seen: (read(chosen, seen), tf.gather(labels, chosen)))
        return batches.apply(tf.data.experimental.assert_cardinality(math.ceil(count / batch_size))).prefetch(1)

    def full_feature_batches(self, targets: NDArray[Any], batch_size: int, seed: int) -> tf.data.Dataset:
        """The same for several devices: full batches alone, out of maps in memory.

        No Python takes part in it: Python's lock and that of the iterator which feeds several devices can wait for
        each other for ever.
        """
        maps, labels = tf.constant(self._maps()[self.rows]), tf.constant(targets)
        places = tf.data.Dataset.range(len(self.rows)).shuffle(len(self.rows), seed, reshuffle_each_iteration=True)
        views = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).map(lambda drawn: drawn % maps.shape[1])

        def read(chosen: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            chosen_maps = tf.gather_nd(maps, tf.stack([chosen, seen], axis=1))
            return tf.cast(chosen_maps, tf.float32), tf.gather(labels, chosen)

        return tf.data.Dataset.zip(places, views).batch(batch_size, drop_remainder=True).map(read)

    def _maps(self) -> NDArray[np.float16]:
        if self.features is None:
            raise ValueError("these images have no features")
        return self.features.maps


def learning_set(examples: TransformedExamples, features: ImageFeatures | None) -> LearningSet:
    """Joins images and features by their sources. Raises ValueError where an image has none."""
    if features is None:
        return LearningSet(examples, None, np.arange(len(examples)))
    row_of = {source: row for row, source in enumerate(features.sources)}
    sources = examples.sources()
    missing = [source for source in sources if source not in row_of]
    if missing:
        raise ValueError(f"{len(missing)} images have no features, {missing[0]} among them")
    return LearningSet(examples, features, np.array([row_of[source] for source in sources], np.intp))


def read_learning_set(
    patterns: Sequence[str], shape: TransformSettings, features: str | None, split: str
) -> LearningSet:
    """The images of a split that Transform wrote, with the features of it below the folder `features`, if any."""
    examples = read_examples(patterns, shape)
    return learning_set(examples, read_features(os.path.join(features, f"Split-{split}")) if features else None)


def _reader(maps: NDArray[np.float16], rows: NDArray[np.intp]) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """From places among the rows and their views, int64 (batch,), to float32 maps.

    What fits is held in memory; of more, each batch is read from the file.
    """
    if len(rows) * maps[0].nbytes <= HELD_BYTES:
        held = tf.constant(maps[rows])
        return lambda chosen, seen: tf.cast(tf.gather_nd(held, tf.stack([chosen, seen], axis=1)), tf.float32)

    def read(chosen: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.float32]:
        return maps[rows[chosen], seen].astype(np.float32)

    def read_in_graph(chosen: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(read, [chosen, seen], tf.float32), (None, *maps.shape[2:]))

    return read_in_graph


def targets_of(label_indices: NDArray[np.int64], coding: LabelCoding) -> NDArray[Any]:
    """What the loss compares the outputs with."""
    targets: NDArray[Any] = coding.target(tf.constant(label_indices)).numpy()
    return targets
