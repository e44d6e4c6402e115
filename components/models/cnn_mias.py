"""A small convolutional network for grey mammograms, trained from scratch, as an earlier project on MIAS defined it.

Convolutions 32, 64, pooling, 64, pooling (3x3, relu, valid); Dropout 0.25; Dense 64 on every pixel; Dropout 0.25;
Flatten; sigmoid. Kernels start from N(0, 0.02). 117,505 parameters at 128x128x1 with two classes.
"""

from typing import Final

from components.models.explained import explained_by_last_map
from components.models.heads import dropout_layer, output_layer
from components.models.spec import InputShape, ModelSpec, Network
from components.settings import ModelSettings


def build(settings: ModelSettings, shape: InputShape, classes: int) -> Network:
    import keras

    def convolution(filters: int) -> keras.layers.Layer:
        return keras.layers.Conv2D(filters, 3, activation="relu", kernel_initializer=_initializer())

    inputs = keras.Input((shape.height, shape.width, shape.channels), name="image")
    x = keras.layers.Rescaling(1.0 / 255.0)(inputs)
    for layer in (
        convolution(32),
        convolution(64),
        keras.layers.MaxPooling2D(2),
        convolution(64),
        keras.layers.MaxPooling2D(2),
        dropout_layer(settings.dropout, 0.25),
        keras.layers.Dense(64, activation="relu", kernel_initializer=_initializer()),
        dropout_layer(settings.dropout, 0.25),
        keras.layers.Flatten(),
        output_layer(classes, _initializer()),
    ):
        x = layer(x)
    whole = keras.Model(inputs, x, name=MODEL.name)
    return Network(base=None, head=whole, whole=whole, explained=explained_by_last_map(whole))


def _initializer() -> object:
    """A new one for each layer: one that is shared gives layers of equal shape equal kernels."""
    import keras

    return keras.initializers.RandomNormal(mean=0.0, stddev=0.02)


MODEL: Final = ModelSpec(
    name="cnn_mias",
    title="Convolutional network for grey mammograms",
    default_input=InputShape(128, 128, 1),
    minimum_side=12,
    build=build,
)
