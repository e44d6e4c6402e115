"""What is left of a feature map where the place in the image does not matter."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import keras

LEAST_VARIANCE: Final = 1e-6


def channel_statistics(maps: "keras.KerasTensor") -> "keras.KerasTensor":
    """Mean and standard deviation of each channel: (batch, rows, columns, channels) to (batch, 1, 1, 2 * channels).

    The deviation tells what the mean loses: whether a channel answers everywhere a little or in one spot.
    """
    import keras

    mean = keras.ops.mean(maps, axis=(1, 2), keepdims=True)
    variance = keras.ops.var(maps, axis=(1, 2), keepdims=True)
    # The square root has no slope at 0, where training would look for that of a channel that answers nowhere.
    return keras.ops.concatenate([mean, keras.ops.sqrt(variance + LEAST_VARIANCE)], axis=-1)
