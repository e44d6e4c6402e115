"""The feature maps that the answers of a network are explained by."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from components.models.spec import Explained

if TYPE_CHECKING:
    import keras


def explained_by_last_map(whole: "keras.Model") -> Explained:
    """For a network trained from scratch: its last feature map of more than one row and column."""
    import keras

    (*_, last_map) = (layer.output for layer in whole.layers if _is_spatial(layer.output))
    output = whole.layers[-1]
    before_output = keras.Model(last_map, output.input)
    head = keras.Model(before_output.inputs, output(before_output.outputs[0]))
    return Explained((last_map,), only, head, before_output)


def explained_by_base(
    maps: "Sequence[keras.KerasTensor]", join: Callable[[Sequence[Any]], Any], head: "keras.Model"
) -> Explained:
    """For a network on a base, whose features are made of some maps of it."""
    import keras

    return Explained(tuple(maps), join, head, keras.Model(head.inputs, head.layers[-1].input))


def only(maps: Sequence[Any]) -> Any:
    """The features that are a map as it is."""
    (found,) = maps
    return found


def _is_spatial(output: "keras.KerasTensor") -> bool:
    return len(output.shape) == 4 and min(output.shape[1:3]) > 1
