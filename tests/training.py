"""A tiny backbone whose weights are in a file, and images that it tells apart."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.features.executor import augmented_views, compute_features
from components.features.store import ImageFeatures
from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, Network, PublishedWeights
from components.settings import AugmentationSettings, FeatureSettings, ModelSettings, TrainSettings, TransformSettings
from components.trainer.data import LabelCoding, TransformedExamples
from components.trainer.devices import ComputePlan
from components.trainer.explanation import heat_maps
from components.trainer.learning_set import LearningSet, learning_set
from components.trainer.phases import Task
from schema import contract

SIDE = 16
SHAPE = TransformSettings(height=SIDE, width=SIDE, channels=3)
NO_AUGMENTATION = AugmentationSettings(
    horizontal_flip=False, rotation_degrees=0, translation=0, zoom=0, brightness=0, contrast=0
)


def _tiny_network(
    include_top: bool, weights: None, input_tensor: keras.KerasTensor, input_shape: tuple[int, ...]
) -> keras.Model:
    assert (include_top, weights, input_shape) == (False, None, tuple(input_tensor.shape[1:]))
    x = input_tensor
    for number, filters in enumerate((4, 6, 8), start=1):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)
        x = keras.layers.Activation("tanh", name=f"tanh_{number}")(x)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x)


# As if Keras had it, so that all that builds and loads backbones can be used on it.
keras.applications.tiny = SimpleNamespace(Tiny=_tiny_network, preprocess_input=lambda images: images / 127.5 - 1.0)

TINY = backbone_model(
    name="tiny",
    title="Tiny",
    default_input=InputShape(SIDE, SIDE, 3),
    default_head="gap",
    backbone=BackboneSpec(
        module="tiny",
        function="Tiny",
        parameters=896,
        fine_tune_from="conv_2",
        blocks=("tanh_1", "tanh_2", "tanh_3"),
        published={1.0: PublishedWeights("https://x.test/tiny.h5", "")},
    ),
)


def pretrained(folder: Path) -> ModelSettings:
    """The settings of TINY with a file of weights, whose batch normalisation is used to other images."""
    keras.utils.set_random_seed(11)
    network = TINY.build(ModelSettings(), InputShape(SIDE, SIDE, 3), 2)
    base = base_of(network)
    generator = np.random.default_rng(11)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            drawn = generator.uniform(0.5, 1.5, (4, gamma.size)).astype(np.float32)
            layer.set_weights([gamma * drawn[0], beta + drawn[1] - 1.0, mean + drawn[2] - 1.0, variance * drawn[3]])
    path = folder / "tiny.weights.h5"
    base.save_weights(path)
    return ModelSettings(
        architecture="tiny",
        dropout=0.0,
        weights=str(path),
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def base_of(network: Network) -> keras.Model:
    assert network.base is not None
    return network.base


def maps_of(network: Network, images: NDArray[np.float32]) -> list[tf.Tensor]:
    """The maps that a network's answers for some images are explained by."""
    body = network.whole if network.base is None else network.base
    found = keras.Model(body.input, list(network.explained.maps))(images, training=False)
    return found if isinstance(found, list) else [found]


def heat_maps_of(network: Network, images: NDArray[np.float32], coding: LabelCoding) -> NDArray[np.float32]:
    """What in some images speaks for the positive class, by one network, outside of any graph."""
    found: NDArray[np.float32] = heat_maps([[network.explained]], [maps_of(network, images)], coding).numpy()
    return found


def task_of(model: ModelSettings, classes: int = 2, positive: int = 1, **train: object) -> Task:
    """A task on this machine's CPU; the settings of the training are those of the arguments."""
    settings = TrainSettings.model_validate({"augmentation": NO_AUGMENTATION, **train})
    compute = ComputePlan(tf.distribute.get_strategy(), "float32", xla=False)
    return Task(TINY, model, settings, LabelCoding(classes, positive), compute)


def pictures(count: int, classes: int = 2, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noise whose brightness tells the class, though not without error."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    brightness = 80.0 + 60.0 * labels + generator.normal(0, 25, count)
    images = generator.uniform(-70, 70, (count, SIDE, SIDE, 3)) + brightness[:, None, None, None]
    return images.clip(0, 255).astype(np.uint8), labels


def serialized_example(image: NDArray[np.uint8], label: int, source: str) -> bytes:
    def bytes_feature(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {
        contract.TRANSFORMED_IMAGE: bytes_feature(tf.io.serialize_tensor(image).numpy()),
        contract.TRANSFORMED_LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        contract.TRANSFORMED_SOURCE: bytes_feature(source.encode()),
    }
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


def examples_of(images: NDArray[np.uint8], labels: Sequence[int] | NDArray[np.int64]) -> TransformedExamples:
    """Examples whose sources are their numbers."""
    serialized = [
        serialized_example(image, int(label), f"{number:03d}.png")
        for number, (image, label) in enumerate(zip(images, labels, strict=True))
    ]
    shape = TransformSettings(height=images.shape[1], width=images.shape[2], channels=images.shape[3])
    return TransformedExamples(tf.constant(serialized), shape)


def write_examples(path: Path, examples: TransformedExamples, order: Sequence[int]) -> None:
    """As Transform writes them, in any order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    serialized = examples.serialized.numpy()
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for position in order:
            writer.write(serialized[position])


def features_of(
    base: keras.Model, examples: TransformedExamples, views: int = 0, seed: int = 0, **augmentation: object
) -> ImageFeatures:
    """Features in memory, with so many augmented views."""
    settings = FeatureSettings(
        model=ModelSettings(),
        augmentation=AugmentationSettings.model_validate({**NO_AUGMENTATION.model_dump(), **augmentation}),
        seed=seed,
        views_of_splits={},
    )
    maps = list(compute_features(base, examples, augmented_views(settings, views), total=1))
    return ImageFeatures(tuple(examples.sources()), np.concatenate(maps))


def learning_set_of(task: Task, count: int, seed: int, **features: object) -> LearningSet:
    """Pictures of all classes with their features; `features` are arguments of `features_of`."""
    examples = examples_of(*pictures(count, task.coding.classes, seed))
    return learning_set(examples, features_of(base_of(task.build()), examples, **features))  # type: ignore[arg-type]
