"""Batch normalisation that lies straight on features which training does not change."""

from collections.abc import Iterable

import keras
import numpy as np
from numpy.typing import NDArray


def start_from_statistics(head: keras.Model, maps: Iterable[NDArray[np.float32]]) -> None:
    """Gives the head's batch normalisation the mean and the variance of its inputs.

    Its moving averages would take some five hundred steps to come near them, more than a head takes on few images;
    until then the head answers in training, where a batch has its own statistics, otherwise than in inference.

    Heads in which a trained layer comes first stay as they are, since the statistics change with that layer.

    Args:
        maps: batches of feature maps (batch, rows, columns, channels), all that the head learns from.
    """
    first = next(layer for layer in head.layers if layer.weights)
    if not isinstance(first, keras.layers.BatchNormalization):
        return
    before = keras.Model(head.inputs, first.input)
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for batch in maps:
        values = np.asarray(before(batch, training=False), np.float64)
        values = values.reshape(-1, values.shape[-1])
        count += len(values)
        total, squares = total + values.sum(axis=0), squares + np.square(values).sum(axis=0)
    mean = total / count
    first.moving_mean.assign(mean)
    first.moving_variance.assign(np.maximum(squares / count - np.square(mean), 0.0))
