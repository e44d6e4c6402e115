"""Builds the networks that stand on a backbone of `keras.applications`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from components.models.explained import explained_by_base, only
from components.models.heads import build_head
from components.models.spec import BackboneSpec, InputShape, ModelSpec, Network
from components.models.statistics import channel_statistics
from components.settings import ModelSettings

if TYPE_CHECKING:
    import keras

MINIMUM_SIDE: Final = 32  # Keras refuses less


def backbone_model(
    name: str, title: str, default_input: InputShape, backbone: BackboneSpec, default_head: str
) -> ModelSpec:
    """The architecture of a backbone and the head that the settings choose."""

    def build(settings: ModelSettings, shape: InputShape, classes: int) -> Network:
        import keras

        base = build_base(backbone, settings, shape)
        head = build_head(settings.head or default_head, base.outputs[0], settings.dropout, classes)
        images = keras.Input(base.input_shape[1:], name="image")
        whole = keras.Model(images, head(base(images)), name=name)
        features = FEATURES[settings.features]
        return Network(base, head, whole, explained_by_base(features.maps(base, backbone), features.join, head))

    return ModelSpec(name, title, default_input, MINIMUM_SIDE, build, backbone, default_head)


def build_base(backbone: BackboneSpec, settings: ModelSettings, shape: InputShape) -> "keras.Model":
    """The backbone behind its input scaling, from images in [0, 255] to the feature map, as initialised."""
    import keras

    module = getattr(keras.applications, backbone.module)
    width = {"alpha": backbone.chosen_width(settings)} if backbone.has_widths else {}
    images = keras.Input((shape.height, shape.width, shape.channels), name="image")
    application = getattr(module, backbone.function)(
        include_top=False,
        weights=None,
        input_tensor=module.preprocess_input(images),
        input_shape=images.shape[1:],
        **width,
    )
    features = FEATURES[settings.features]
    joined = features.join(features.maps(application, backbone))
    return _inference_model()(images, joined, name="base")


@dataclass(frozen=True)
class Features:
    """What the base gives its head.

    Attributes:
        maps: finds, in a model that ends as the backbone does or holds its layers, the maps that they are made of.
        join: makes the features of those maps, (batch, rows, columns, features).
    """

    maps: "Callable[[keras.Model, BackboneSpec], Sequence[keras.KerasTensor]]"
    join: Callable[[Sequence[Any]], Any]


def last_map(model: "keras.Model", backbone: BackboneSpec) -> "Sequence[keras.KerasTensor]":
    del backbone
    return model.outputs


def maps_of_blocks(model: "keras.Model", backbone: BackboneSpec) -> "Sequence[keras.KerasTensor]":
    return [model.get_layer(name).output for name in backbone.blocks]


def block_statistics(maps: Sequence[Any]) -> Any:
    """Mean and deviation of each channel of each block, (batch, 1, 1, features).

    Early blocks see texture, late ones objects: on few images a head learns more from all of them than from the last
    one.
    """
    import keras

    return keras.ops.concatenate([channel_statistics(each) for each in maps], axis=-1)


# By the name of the setting `model.features`.
FEATURES: Final[Mapping[str, Features]] = {
    "last_map": Features(last_map, only),
    "block_statistics": Features(maps_of_blocks, block_statistics),
}


@cache
def _inference_model() -> "type[keras.Model]":
    import keras

    # Calling a nested model with training=False is not enough: when the model around it trains, Keras runs the nested
    # layers in training mode all the same, and the moving averages of batch normalisation drift from the weights.
    @keras.saving.register_keras_serializable(package="breast_imaging")
    class InferenceModel(keras.Model):
        """A functional model whose layers run in inference mode whoever calls it; its weights can be trained."""

        def call(self, inputs: object, training: object = None, mask: object = None) -> object:
            del training
            return super().call(inputs, training=False, mask=mask)

    return InferenceModel
