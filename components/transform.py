"""The Transform graph: decodes and resizes images, once, for training and for serving alike."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.settings import TransformSettings
from schema import contract

SETTINGS_KEY = "settings"


def preprocessing_fn(inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """TFX Transform's entry point.

    Args:
        inputs: raw features by their keys in `schema.contract`; of them, the encoded image (string, (batch,)), the
            label index (int64, (batch,)) and the source (string, (batch,)) are used.
        custom_config: `TransformSettings` as JSON under `settings`.

    Returns:
        The image as a serialized uint8 tensor of (height, width, channels), string (batch,); label index and source
        unchanged. Images stay uint8 because float32 ones would fill four times the disk.
    """
    settings = TransformSettings.model_validate_json(custom_config[SETTINGS_KEY])
    images = tf.map_fn(
        _standardize(settings),
        tf.reshape(inputs[contract.IMAGE_ENCODED], [-1]),
        fn_output_signature=tf.string,
    )
    return {
        contract.TRANSFORMED_IMAGE: images,
        contract.TRANSFORMED_LABEL: tf.reshape(inputs[contract.LABEL_INDEX], [-1]),
        contract.TRANSFORMED_SOURCE: tf.reshape(inputs[contract.SOURCE], [-1]),
    }


def _standardize(settings: TransformSettings) -> Callable[[tf.Tensor], tf.Tensor]:
    def standardize(encoded: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(
            encoded, channels=settings.channels, dtype=tf.float32, expand_animations=False
        )  # 8- and 16-bit images alike become [0, 1]
        resized = tf.image.resize(image, [settings.height, settings.width], antialias=True)
        values = tf.clip_by_value(tf.round(resized * 255.0), 0.0, 255.0)
        return tf.io.serialize_tensor(tf.cast(values, tf.uint8))

    return standardize


def parse_image(serialized: tf.Tensor, settings: TransformSettings) -> tf.Tensor:
    """One transformed image: string () to uint8 (height, width, channels)."""
    image = tf.io.parse_tensor(serialized, tf.uint8)
    return tf.ensure_shape(image, [settings.height, settings.width, settings.channels])
