"""Last layers, shared by all architectures."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def output_layer(classes: int) -> "keras.layers.Layer":
    """One sigmoid unit, the positive class's, for two classes; a softmax for more.

    The layer computes in float32 under any precision policy, since probabilities in 16 bits lose the ranking.
    """
    import keras

    if classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="probability")
    return keras.layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")
