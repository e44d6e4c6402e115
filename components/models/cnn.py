"""A small convolutional network trained from scratch, as one of the earlier mammogram projects defined it.

Convolutions 32, 32, 64 (3x3, relu, valid), each with 2x2 max pooling; Dense 64; Dropout 0.5; sigmoid.
2,797,665 parameters at 224x224x3 with two classes.
"""

from typing import Final

from components.models.explained import explained_by_last_map
from components.models.heads import dropout_layer, output_layer
from components.models.spec import InputShape, ModelSpec, Network
from components.settings import ModelSettings

FILTERS: Final = (32, 32, 64)


def build(settings: ModelSettings, shape: InputShape, classes: int) -> Network:
    import keras

    inputs = keras.Input((shape.height, shape.width, shape.channels), name="image")
    x = keras.layers.Rescaling(1.0 / 255.0)(inputs)
    for filters in FILTERS:
        x = keras.layers.Conv2D(filters, 3, activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    x = dropout_layer(settings.dropout, 0.5)(x)
    whole = keras.Model(inputs, output_layer(classes)(x), name=MODEL.name)
    return Network(base=None, head=whole, whole=whole, explained=explained_by_last_map(whole))


MODEL: Final = ModelSpec(
    name="cnn",
    title="Convolutional network with three convolutions",
    default_input=InputShape(224, 224, 3),
    minimum_side=22,
    build=build,
)
