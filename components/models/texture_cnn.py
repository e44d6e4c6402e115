"""A small convolutional network for images that are all texture, such as patches of tissue, trained from scratch.

Convolutions 32, 64, 128 (3x3, same, without bias), each with batch normalisation and relu, with 2x2 max pooling
between them; mean and standard deviation of each channel; Dropout 0.3; sigmoid. 94,177 parameters for two classes.
"""

from typing import Final

from components.models.explained import explained_by_last_map
from components.models.heads import dropout_layer, output_layer
from components.models.spec import InputShape, ModelSpec, Network
from components.models.statistics import channel_statistics
from components.settings import ModelSettings

FILTERS: Final = (32, 64, 128)


def build(settings: ModelSettings, shape: InputShape, classes: int) -> Network:
    import keras

    inputs = keras.Input((shape.height, shape.width, shape.channels), name="image")
    x = keras.layers.Rescaling(1.0 / 127.5, -1.0)(inputs)
    for number, filters in enumerate(FILTERS):
        x = keras.layers.MaxPooling2D(2)(x) if number else x
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(channel_statistics(x))
    x = dropout_layer(settings.dropout, 0.3)(x)
    whole = keras.Model(inputs, output_layer(classes)(x), name=MODEL.name)
    return Network(base=None, head=whole, whole=whole, explained=explained_by_last_map(whole))


MODEL: Final = ModelSpec(
    name="texture_cnn",
    title="Convolutional network for textures",
    default_input=InputShape(48, 48, 3),
    minimum_side=8,
    build=build,
)
