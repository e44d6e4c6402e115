"""A small convolutional network trained from scratch, as one of the earlier mammogram projects defined it.

Convolutions 32, 32, 64 (3x3, relu, valid), each with 2x2 max pooling; Dense 64; Dropout 0.5; sigmoid.
2,797,665 parameters at 224x224x3 with two classes.
"""

from typing import TYPE_CHECKING, Final

from components.models.heads import output_layer
from components.models.spec import InputShape, ModelSpec
from components.settings import ModelSettings

if TYPE_CHECKING:
    import keras

FILTERS: Final = (32, 32, 64)


def build(settings: ModelSettings, shape: InputShape, classes: int) -> "keras.Model":
    import keras

    inputs = keras.Input((shape.height, shape.width, shape.channels), name="image")
    x = keras.layers.Rescaling(1.0 / 255.0)(inputs)
    for filters in FILTERS:
        x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    x = keras.layers.Dropout(settings.dropout)(x)
    return keras.Model(inputs, output_layer(classes)(x), name=MODEL.name)


MODEL: Final = ModelSpec(
    name="cnn",
    title="Convolutional network with three convolutions",
    default_input=InputShape(224, 224, 3),
    build=build,
)
