"""Makes one network of an ensemble whose members look at several views of each image."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.models.spec import Network
from components.trainer.data import TransformedExamples, evaluation_batches
from components.trainer.phases import Task


def _as_it_is(images: Any) -> Any:
    return images


def _mirrored(images: Any) -> Any:
    return keras.ops.flip(images, axis=2)


def _upside_down(images: Any) -> Any:
    return keras.ops.flip(images, axis=1)


def _turned(images: Any) -> Any:
    return keras.ops.flip(images, axis=(1, 2))


def _transposed(images: Any) -> Any:
    return keras.ops.transpose(images, (0, 2, 1, 3))


_View = Callable[[Any], Any]
_UPRIGHT: Final[tuple[_View, ...]] = (_as_it_is, _mirrored, _upside_down, _turned)


def views_of(count: int, height: int, width: int) -> list[_View]:
    """The first so many symmetries; those that swap the sides need a square.

    Raises ValueError for eight views of an image that is no square.
    """
    if count <= len(_UPRIGHT):
        return list(_UPRIGHT[:count])
    if height != width:
        raise ValueError(f"an image of {height} by {width} pixels has four symmetries, not {count}")
    return [*_UPRIGHT, *(lambda images, view=view: view(_transposed(images)) for view in _UPRIGHT)]


def build_predictor(task: Task, members: Sequence[list[NDArray[Any]]], views: int) -> keras.Model:
    """The mean of the members' probabilities over all views, in float32.

    Args:
        members: weights of each member's whole network.
        views: 1, 2, 4 or 8.

    Returns:
        A model from images in [0, 255] to (batch, 1) or (batch, classes).
    """
    networks = [_rebuilt(task, weights, number) for number, weights in enumerate(members)]
    shape = task.spec.input_shape(task.model)
    images = keras.Input((shape.height, shape.width, shape.channels), name="image")
    share_base = _have_the_same_base(networks)
    outputs = [
        answer
        for view in views_of(views, shape.height, shape.width)
        for answer in _answers(networks, share_base, view(images))
    ]
    mean = outputs[0] if len(outputs) == 1 else keras.layers.Average()(outputs)
    return keras.Model(images, mean, name=task.spec.name)


def predict_probabilities(predictor: keras.Model, images: TransformedExamples, task: Task) -> NDArray[np.float32]:
    """Before calibration: float32 (images, classes), in label order."""
    batches = evaluation_batches(images, task.coding, task.train.batch_size)
    outputs = predictor.predict(batches.map(lambda image, _: image), verbose=0)
    probabilities: NDArray[np.float32] = task.coding.to_probabilities(tf.constant(outputs)).numpy()
    return probabilities


def _rebuilt(task: Task, weights: list[NDArray[Any]], number: int) -> Network:
    network = task.spec.build(task.model, task.spec.input_shape(task.model), task.coding.classes)
    network.whole.set_weights(weights)
    # Keras puts no two models of one name into a third.
    network.head.name, network.whole.name = f"head_{number}", f"member_{number}"
    return network


def _have_the_same_base(networks: Sequence[Network]) -> bool:
    """Whether the backbone stayed as it was in all members."""
    bases = [network.base.get_weights() for network in networks if network.base is not None]
    return bool(bases) and all(
        np.array_equal(mine, first) for base in bases for mine, first in zip(base, bases[0], strict=True)
    )


def _answers(networks: Sequence[Network], share_base: bool, images: Any) -> list[Any]:
    """One for each member. A backbone that is the same in all is run once."""
    base = networks[0].base
    if base is None or not share_base:
        return [network.whole(images) for network in networks]
    features = base(images)
    return [network.head(features) for network in networks]
