"""What an architecture's module exports, and what it builds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from components.settings import ModelSettings, TransformSettings

if TYPE_CHECKING:
    import keras

IMAGENET: Final = "imagenet"
UNTRAINED: Final = "none"


@dataclass(frozen=True)
class InputShape:
    """Height and width in pixels, and channels (1 or 3)."""

    height: int
    width: int
    channels: Literal[1, 3]


@dataclass(frozen=True)
class Explained:
    """The feature maps that heat maps explain an answer by. The answer follows from them alone.

    Attributes:
        maps: within the base, or within the whole network where there is none; each (batch, rows, columns, channels).
        join: makes of the maps the features that `head` takes; for symbolic tensors and for values.
        head: from the features to probabilities. It shares its layers with the network, and ends in
            `heads.output_layer`.
        before_output: from the features to what that last layer takes.
    """

    maps: "tuple[keras.KerasTensor, ...]"
    join: Callable[[Sequence[Any]], Any]
    head: "keras.Model"
    before_output: "keras.Model"


@dataclass(frozen=True)
class Network:
    """A built architecture, in parts that share their layers.

    Images are float32 (batch, height, width, channels) in [0, 255], with three channels where there is a base.
    Probabilities are float32 under any precision policy: (batch, 1), of the positive class, for two classes, and
    (batch, classes) for more.

    Attributes:
        base: from images to the feature map (batch, rows, columns, features), of one row and one column for block
            statistics. It scales the images as its weights
            expect, and its batch normalisation stays in inference mode in training too. None for architectures
            trained from scratch.
        head: from the feature map to probabilities; from images where there is no base.
        whole: from images to probabilities.
        explained: the maps that its answers are explained by.
    """

    base: "keras.Model | None"
    head: "keras.Model"
    whole: "keras.Model"
    explained: Explained


@dataclass(frozen=True)
class PublishedWeights:
    """ImageNet weights without the last layers, as Keras publishes them.

    Attributes:
        url: of an HDF5 file.
        checksum: MD5 or SHA-256 in hexadecimal; empty where none is known, and then the file is not downloaded.
    """

    url: str
    checksum: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class BackboneSpec:
    """A network of `keras.applications`, of which the last layers are left out.

    Attributes:
        module: of `keras.applications`, with the network and its `preprocess_input`.
        function: of that module, which builds the network.
        parameters: of the base at its own width.
        fine_tune_from: the first of the base's layers that fine-tuning trains.
        blocks: the last layer of each block, from the image on; of them block statistics are taken.
        published: the ImageNet weights of each width that there is.
        width: its own multiplier of the number of filters.
    """

    module: str
    function: str
    parameters: int
    fine_tune_from: str
    blocks: tuple[str, ...]
    published: Mapping[float, PublishedWeights]
    width: float = 1.0

    @property
    def has_widths(self) -> bool:
        return len(self.published) > 1

    def chosen_width(self, settings: ModelSettings) -> float:
        return settings.width_multiplier or self.width

    def chosen_weights(self, settings: ModelSettings) -> PublishedWeights:
        return self.published[self.chosen_width(settings)]


@dataclass(frozen=True)
class ModelSpec:
    """An architecture.

    Attributes:
        name: the key by which configurations name it.
        title: for people.
        default_input: of the original definition.
        minimum_side: pixels below which the layers do not fit.
        build: makes the network from the settings, the input shape and the number of classes, with weights as
            initialised; see `weights.load_weights`.
        backbone: None for architectures trained from scratch.
        default_head: one of `heads.HEADS`; empty for architectures trained from scratch.
    """

    name: str
    title: str
    default_input: InputShape
    minimum_side: int
    build: Callable[[ModelSettings, InputShape, int], Network]
    backbone: BackboneSpec | None = None
    default_head: str = ""

    def input_shape(self, settings: ModelSettings) -> InputShape:
        """The input in use: the original one, or that of the settings."""
        height, width = settings.image_size or (self.default_input.height, self.default_input.width)
        return InputShape(height, width, self.default_input.channels)

    def transform_settings(self, settings: ModelSettings) -> TransformSettings:
        """What Transform makes of every image, so that it fits the input."""
        shape = self.input_shape(settings)
        return TransformSettings(height=shape.height, width=shape.width, channels=shape.channels)

    def starting_weights(self, settings: ModelSettings) -> str:
        """What the base starts from: `imagenet`, `none` or the path of a file."""
        return settings.weights or (IMAGENET if self.backbone else UNTRAINED)
