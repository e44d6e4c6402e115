"""Makes one network of an ensemble whose members look at several views of each image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.models.spec import Network
from components.trainer.data import TransformedExamples, evaluation_batches
from components.trainer.explanation import Sharing
from components.trainer.phases import Task


@dataclass(frozen=True)
class Predictor:
    """An ensemble, as one network.

    Attributes:
        network: from images in [0, 255] to the mean of the members' probabilities over all views, float32 (batch, 1)
            or (batch, classes).
        with_maps: from the same images to the same mean and, for each group of members, a list of the maps that
            explain the images as they are. What both need is computed once.
        groups: the members, those together that look at the same maps.
    """

    network: keras.Model
    with_maps: keras.Model
    groups: Sequence[Sharing]


@dataclass(frozen=True)
class _Trunk:
    """Members on one backbone, or one without any.

    Attributes:
        model: from images to the maps that explain all of the members.
        members: which.
    """

    model: keras.Model
    members: Sharing

    def maps(self, images: Any) -> list[Any]:
        found = self.model(images)
        return list(found) if isinstance(found, (list, tuple)) else [found]  # Keras unpacks a list of one

    def answers(self, maps: Sequence[Any]) -> list[Any]:
        """Probabilities, for each member."""
        features = self.members[0].join(maps)
        return [member.head(features) for member in self.members]


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


def build_predictor(task: Task, members: Sequence[list[NDArray[Any]]], views: int) -> Predictor:
    """Puts the members of an ensemble together.

    Args:
        members: weights of each member's whole network.
        views: 1, 2, 4 or 8.
    """
    trunks = _trunks([_rebuilt(task, weights, number) for number, weights in enumerate(members)])
    shape = task.spec.input_shape(task.model)
    images = keras.Input((shape.height, shape.width, shape.channels), name="image")
    maps = [[trunk.maps(view(images)) for trunk in trunks] for view in views_of(views, shape.height, shape.width)]
    outputs = [
        answer
        for of_view in maps
        for trunk, of_trunk in zip(trunks, of_view, strict=True)
        for answer in trunk.answers(of_trunk)
    ]
    mean = outputs[0] if len(outputs) == 1 else keras.layers.Average()(outputs)
    as_they_are = maps[0]
    return Predictor(
        network=keras.Model(images, mean, name=task.spec.name),
        with_maps=keras.Model(images, [mean, as_they_are]),
        groups=[trunk.members for trunk in trunks],
    )


def predict_probabilities(predictor: keras.Model, images: TransformedExamples, task: Task) -> NDArray[np.float32]:
    """Before calibration: float32 (images, classes), in label order."""
    batches = evaluation_batches(images, task.coding, task.train.batch_size)
    outputs = predictor.predict(batches.map(lambda image, _: image), verbose=0)
    probabilities: NDArray[np.float32] = task.coding.to_probabilities(tf.constant(outputs)).numpy()
    return probabilities


def _rebuilt(task: Task, weights: list[NDArray[Any]], number: int) -> Network:
    network = task.spec.build(task.model, task.spec.input_shape(task.model), task.coding.classes)
    network.whole.set_weights(weights)
    network.explained.head.name = f"head_{number}"  # Keras puts no two models of one name into a third
    return network


def _have_the_same_base(networks: Sequence[Network]) -> bool:
    """Whether the backbone stayed as it was in all members."""
    bases = [network.base.get_weights() for network in networks if network.base is not None]
    return bool(bases) and all(
        np.array_equal(mine, first) for base in bases for mine, first in zip(base, bases[0], strict=True)
    )


def _trunks(networks: Sequence[Network]) -> list[_Trunk]:
    """A backbone that is the same in all members is one trunk, and so is run once."""
    if _have_the_same_base(networks):
        return [_trunk(networks, "base")]
    return [_trunk([network], f"base_{number}") for number, network in enumerate(networks)]


def _trunk(networks: Sequence[Network], name: str) -> _Trunk:
    first = networks[0]
    body = first.whole if first.base is None else first.base
    model = keras.Model(body.inputs, list(first.explained.maps), name=name)
    return _Trunk(model, [network.explained for network in networks])
