"""What an architecture's module exports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from components.settings import ModelSettings

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class InputShape:
    """Height and width in pixels, and channels (1 or 3)."""

    height: int
    width: int
    channels: Literal[1, 3]


@dataclass(frozen=True)
class ModelSpec:
    """An architecture.

    Attributes:
        name: the key by which configurations name it.
        title: for people.
        default_input: of the original definition.
        build: makes the Keras model from the settings, the input shape and the number of classes. The model takes
            float32 (batch, height, width, channels) in [0, 255] and scales it itself. It answers float32 (batch, 1),
            the probability of the positive class, for two classes, and (batch, classes) for more.
    """

    name: str
    title: str
    default_input: InputShape
    build: "Callable[[ModelSettings, InputShape, int], keras.Model]"

    def input_shape(self, settings: ModelSettings) -> InputShape:
        """The input in use: the original one, or that of the settings."""
        height, width = settings.image_size or (self.default_input.height, self.default_input.width)
        return InputShape(height, width, self.default_input.channels)
