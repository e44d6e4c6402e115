"""Runs the backbone over the transformed images, in batches of one size."""

import os
from collections.abc import Iterator
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs

from components.example_files import split_patterns
from components.features.store import write_features
from components.models.registry import get_model
from components.models.weights import load_weights
from components.progress import Progress, report_progress
from components.settings import FeatureSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import TransformedExamples, read_examples

EXAMPLES_KEY: Final = standard_component_specs.EXAMPLES_KEY
FEATURES_KEY: Final = "features"
SETTINGS_KEY: Final = "settings"
TASK: Final = "computing features"
# One size for all, since the last digits of a convolution depend on it.
BATCH_SIZE: Final = 32


class Executor(base_executor.BaseExecutor):
    """Computes image features; see `component.FeatureExtractor`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = FeatureSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        features = artifact_utils.get_single_instance(output_dict[FEATURES_KEY])

        spec = get_model(settings.model.architecture)
        shape = spec.input_shape(settings.model)
        network = spec.build(settings.model, shape, 2)
        load_weights(network, spec, settings.model)
        if network.base is None:
            raise ValueError(f"{spec.name} has no backbone")

        splits = {
            split: read_examples(split_patterns(examples, [split]), spec.transform_settings(settings.model))
            for split in settings.views_of_splits
        }
        total = sum(len(images) * (1 + settings.views_of_splits[split]) for split, images in splits.items())
        for split, images in splits.items():
            views = augmented_views(settings, settings.views_of_splits[split])
            write_features(
                os.path.join(features.uri, f"Split-{split}"),
                images.sources(),
                (len(views), *network.base.output_shape[1:]),
                compute_features(network.base, images, views, total),
            )


def augmented_views(settings: FeatureSettings, count: int) -> list[keras.Layer]:
    """The layer that leaves an image as it is, and so many that change it at random, each from its own seed."""
    seeds = np.random.SeedSequence(settings.seed).generate_state(max(count, 1))[:count]
    return [keras.layers.Identity(), *(augmentation(settings.augmentation, int(seed) % 2**31) for seed in seeds)]


def compute_features(
    base: keras.Model, examples: TransformedExamples, views: list[keras.Layer], total: int
) -> Iterator[NDArray[np.float16]]:
    """Yields float16 (batch, views, rows, columns, channels), in the order of the examples.

    Args:
        base: from images in [0, 255] to feature maps.
        views: from images to images, in training mode.
        total: views of all splits, for the progress.
    """

    @tf.function(reduce_retracing=True)
    def forward(images: tf.Tensor) -> tf.Tensor:
        maps = [base(view(images, training=True), training=False) for view in views]
        return tf.cast(tf.stack(maps, axis=1), tf.float16)

    batches = tf.data.Dataset.range(len(examples)).map(lambda at: examples.read(at)[0], tf.data.AUTOTUNE)
    for images in batches.batch(BATCH_SIZE).prefetch(1):
        count = int(images.shape[0])
        padded = tf.pad(images, [[0, BATCH_SIZE - count], [0, 0], [0, 0], [0, 0]])
        yield forward(padded).numpy()[:count]
        report_progress(Progress(TASK, advance=count * len(views), total=total))
