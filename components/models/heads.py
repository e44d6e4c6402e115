"""Last layers, which any backbone takes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import keras

# Over thousands of features usual starting weights are a random opinion that a few hundred steps do not unlearn.
OUTPUT_DEVIATION: Final = 1e-3


def gap(dropout: float | None) -> "list[keras.layers.Layer]":
    import keras

    return [keras.layers.GlobalAveragePooling2D(), keras.layers.BatchNormalization(), dropout_layer(dropout, 0.5)]


def gap_dropout_first(dropout: float | None) -> "list[keras.layers.Layer]":
    import keras

    return [keras.layers.GlobalAveragePooling2D(), dropout_layer(dropout, 0.5), keras.layers.BatchNormalization()]


def dense(dropout: float | None) -> "list[keras.layers.Layer]":
    import keras

    return [
        keras.layers.Flatten(),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.BatchNormalization(),
        dropout_layer(dropout, 0.5),
    ]


def mlp(dropout: float | None) -> "list[keras.layers.Layer]":
    import keras

    return [
        keras.layers.Flatten(),
        keras.layers.Dense(1024, activation="relu"),
        dropout_layer(dropout, 0.5),
        keras.layers.Dense(1024, activation="relu"),
        dropout_layer(dropout, 0.3),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(128, activation="relu"),
    ]


# Each makes new layers for a feature map (batch, rows, columns, features), but for the one of the probabilities.
# It is given the share of units to drop, or None for the shares of its definition.
HEADS: "Final[Mapping[str, Callable[[float | None], list[keras.layers.Layer]]]]" = {
    head.__name__: head for head in (gap, gap_dropout_first, dense, mlp)
}


def build_head(name: str, features: "keras.KerasTensor", dropout: float | None, classes: int) -> "keras.Model":
    """The head of that name for a feature map.

    Args:
        name: one of `HEADS`.
        features: what the head will be called on; only its shape and type count.
        dropout: share of units that every dropout layer drops; that of the definition where None.
        classes: two or more.
    """
    import keras

    inputs = keras.Input(features.shape[1:], dtype=features.dtype, name="features")
    x = inputs
    start = keras.initializers.RandomNormal(stddev=OUTPUT_DEVIATION)
    for layer in (*HEADS[name](dropout), output_layer(classes, start)):
        x = layer(x)
    return keras.Model(inputs, x, name="head")


def dropout_layer(chosen: float | None, own: float) -> "keras.layers.Layer":
    """Drops the share chosen in the settings, or that of the definition where there is none."""
    import keras

    return keras.layers.Dropout(own if chosen is None else chosen)


def output_layer(classes: int, kernel_initializer: object = "glorot_uniform") -> "keras.layers.Layer":
    """One sigmoid unit, the positive class's, for two classes; a softmax for more.

    The layer computes in float32 under any precision policy, since probabilities in 16 bits lose the ranking.
    """
    import keras

    if classes == 2:
        units, activation, name = 1, "sigmoid", "probability"
    else:
        units, activation, name = classes, "softmax", "probabilities"
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=kernel_initializer, dtype="float32", name=name
    )


def logits(output: "keras.layers.Dense", inputs: Any) -> Any:
    """What an output layer makes of its inputs before its activation: float32, (batch, 1) or (batch, classes).

    The activation is exact to 1e-7 only, so that where it says 0 or 1, it has lost what made it so.
    """
    import keras

    return keras.ops.matmul(keras.ops.cast(inputs, "float32"), output.kernel) + output.bias
