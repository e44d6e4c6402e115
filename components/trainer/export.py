"""Exports a trained network as the SavedModel that is gated and served."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray

from components.settings import TransformSettings
from components.trainer.calibration import apply_temperature, apply_temperature_in_graph
from components.trainer.data import LabelCoding
from components.trainer.decision import Decision
from components.trainer.explanation import heat_maps
from components.trainer.predictor import Predictor
from components.trainer.warm_up import write_warm_up_requests
from components.transform import parse_image
from schema import contract
from serving.extras import ModelDescription, extra_path
from serving.reference import ReferencePredictions, reference_images


@dataclass(frozen=True)
class ServedModel:
    """What an exported model is made of. `shape` is that of the network's input."""

    name: str
    predictor: Predictor
    transform_output: tft.TFTransformOutput
    shape: TransformSettings
    labels: tuple[str, ...]
    coding: LabelCoding
    decision: Decision


def export(model: ServedModel, directory: str) -> None:
    """Writes the SavedModel, with its description and reference predictions beside it.

    `keras.export.ExportArchive` is used because a SavedModel written by `tf.saved_model.save` cannot be run by
    TensorFlow Serving when it holds a Keras 3 model.
    """
    archive = keras.export.ExportArchive()
    archive.track(model.predictor.network)
    transform = model.transform_output.transform_features_layer()
    archive.track(transform)
    prepare = _preparation(model.shape, transform)
    answer, explain = _answer(model, prepare), _explain(model, prepare)

    # Nothing in these branches on a tensor, and AutoGraph would take seconds to rewrite all that they call.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.EXAMPLES_INPUT)], autograph=False)
    def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        specification = {contract.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)}
        return answer(tf.io.parse_example(examples, specification)[contract.IMAGE_ENCODED])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.IMAGE_BYTES_INPUT)], autograph=False)
    def serve_images(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(image_bytes)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.IMAGE_BYTES_INPUT)], autograph=False)
    def serve_explanations(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return explain(image_bytes)

    archive.add_endpoint(contract.SERVING_DEFAULT, serve_examples)
    archive.add_endpoint(contract.SERVING_IMAGE, serve_images)
    archive.add_endpoint(contract.SERVING_EXPLANATION, serve_explanations)
    archive.write_out(directory, verbose=False)
    _write_extras(model, directory, transform)


def _preparation(shape: TransformSettings, transform: tf.Module) -> Callable[[tf.Tensor], tf.Tensor]:
    def prepare(encoded: tf.Tensor) -> tf.Tensor:
        """Encoded images (batch,) as the network takes them, float32 (batch, height, width, channels)."""
        serialized = transform({contract.IMAGE_ENCODED: encoded})[contract.TRANSFORMED_IMAGE]
        return tf.map_fn(
            lambda image: tf.cast(parse_image(image, shape), tf.float32),
            tf.reshape(serialized, [-1]),
            fn_output_signature=tf.float32,
        )

    return prepare


def _answer(
    model: ServedModel, prepare: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    # A function of its own, so that the SavedModel holds its graph once for all signatures that call it.
    network = tf.function(lambda images: model.predictor.network(images, training=False), autograph=False)

    def answer(encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        return decide(network(prepare(encoded)), model)

    return answer


def _explain(
    model: ServedModel, prepare: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    def explain(encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs, maps = model.predictor.with_maps(prepare(encoded), training=False)
        return {
            **decide(outputs, model),
            contract.HEAT_MAP: heat_maps(model.predictor.groups, maps, model.coding),
        }

    return explain


def decide(outputs: tf.Tensor, model: ServedModel) -> dict[str, tf.Tensor]:
    """The network's outputs, (batch, 1) or (batch, classes), as the signatures answer them.

    At or above the threshold the label is the positive class; below it, the most probable of the others.
    """
    probabilities = apply_temperature_in_graph(model.coding.to_probabilities(outputs), model.decision.temperature)
    positive = probabilities[:, model.coding.positive]
    decision = decided_class(probabilities, model.coding, model.decision.threshold)
    return {
        contract.PROBABILITIES: probabilities,
        contract.PREDICTED_LABEL: tf.gather(tf.constant(model.labels), decision),
        contract.MALIGNANT_PROBABILITY: positive,
        contract.THRESHOLD: tf.fill(tf.shape(positive), tf.constant(model.decision.threshold, tf.float32)),
        contract.CLASSES: tf.tile(tf.constant([model.labels]), [tf.shape(positive)[0], 1]),
    }


def decided_class(probabilities: tf.Tensor, coding: LabelCoding, threshold: float) -> tf.Tensor:
    """int64 (batch,): the positive class at or above the threshold; below it, the most probable of the others."""
    others = tf.where(tf.range(coding.classes) == coding.positive, tf.constant(-1.0), probabilities)
    return tf.where(
        probabilities[:, coding.positive] >= threshold,
        tf.constant(coding.positive, tf.int64),
        tf.argmax(others, axis=1, output_type=tf.int64),
    )


def _write_extras(model: ServedModel, directory: str, transform: tf.Module) -> None:
    tf.io.gfile.makedirs(os.path.join(directory, contract.EXTRA_ASSETS))
    description = ModelDescription(
        name=model.name,
        labels=model.labels,
        positive_label=model.labels[model.coding.positive],
        threshold=model.decision.threshold,
        temperature=model.decision.temperature,
        image_size=(model.shape.height, model.shape.width),
        channels=model.shape.channels,
    )
    images = reference_images()
    reference = ReferencePredictions(
        images, _network_probabilities(model, transform, images), model.decision.threshold
    )
    _write(extra_path(directory, contract.MODEL_DESCRIPTION_FILE), description.model_dump_json(indent=2))
    _write(extra_path(directory, contract.REFERENCE_FILE), reference.to_json())
    write_warm_up_requests(model.name, images, directory)


def _write(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def _network_probabilities(model: ServedModel, transform: tf.Module, images: Sequence[bytes]) -> NDArray[np.float32]:
    """What the network itself answers, in Keras, before anything is saved."""
    serialized = transform({contract.IMAGE_ENCODED: tf.constant(list(images))})[contract.TRANSFORMED_IMAGE]
    pixels = tf.stack([parse_image(image, model.shape) for image in tf.reshape(serialized, [-1])])
    outputs = model.predictor.network(tf.cast(pixels, tf.float32), training=False)
    probabilities = model.coding.to_probabilities(outputs).numpy()
    calibrated: NDArray[np.float32] = apply_temperature(probabilities, model.decision.temperature)
    return calibrated
