"""Random changes of training images, as Keras layers that run on the training device."""

import math
from typing import Any

import keras

from components.settings import AugmentationSettings

VALUE_RANGE = (0.0, 255.0)
_ROUNDING = 1e-9  # 3.3 / 1.1 is a little less than 3


def augmentation(settings: AugmentationSettings, seed: int) -> keras.Sequential:
    """Maps float32 (batch, height, width, channels) in [0, 255] to the same; active while training only.

    What moves into the picture is filled with black, as outside an ultrasound sector or a film.
    """
    layers: list[keras.layers.Layer] = []
    # Two layers, because Keras's `horizontal_and_vertical` mirrors both ways or not at all.
    if settings.horizontal_flip:
        layers.append(keras.layers.RandomFlip("horizontal", seed=seed))
    if settings.vertical_flip:
        layers.append(keras.layers.RandomFlip("vertical", seed=seed + 6))
    if settings.rotation_degrees and settings.rotation_step_degrees:
        layers.append(RotationInSteps(settings.rotation_degrees, settings.rotation_step_degrees, seed=seed + 1))
    elif settings.rotation_degrees:
        layers.append(
            keras.layers.RandomRotation(settings.rotation_degrees / 360.0, fill_mode="constant", seed=seed + 1)
        )
    if settings.translation:
        layers.append(
            keras.layers.RandomTranslation(
                settings.translation, settings.translation, fill_mode="constant", seed=seed + 2
            )
        )
    if settings.zoom:
        layers.append(keras.layers.RandomZoom(settings.zoom, fill_mode="constant", seed=seed + 3))
    if settings.brightness:
        layers.append(keras.layers.RandomBrightness(settings.brightness, VALUE_RANGE, seed=seed + 4))
    if settings.contrast:
        # Keras takes a single number for an increase alone.
        both_ways = (settings.contrast, settings.contrast)
        layers.append(keras.layers.RandomContrast(both_ways, VALUE_RANGE, seed=seed + 5))
    return keras.Sequential(layers or [keras.layers.Identity()], name="augmentation")


class RotationInSteps(keras.layers.Layer):
    """Rotates each image by a multiple of a step, while training; Keras's own layer draws any angle.

    All multiples up to the largest angle are equally likely.
    """

    def __init__(self, largest: float, step: float, seed: int) -> None:
        """Args:
        largest: angle either way, in degrees.
        step: likewise.
        """
        super().__init__()
        self.supports_jit = False  # like Keras's own: XLA has no kernel for it
        self._step = step
        self._last = math.floor(largest / step * (1 + _ROUNDING))
        makes_half_a_turn = math.isclose(self._last * step, 180.0)
        # Half a turn is one angle, though it can be made either way.
        self._first = 1 - self._last if makes_half_a_turn else -self._last
        self._random = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        count, height, width = keras.ops.shape(images)[:3]
        multiples = keras.random.randint((count,), self._first, self._last + 1, seed=self._random)
        angles = keras.ops.cast(multiples, "float32") * math.radians(self._step)
        return keras.ops.image.affine_transform(images, _rotations(angles, height, width), fill_mode="constant")


def _rotations(angles: Any, height: int, width: int) -> Any:
    """For each angle, in radians, the eight numbers of `affine_transform` that rotate about the middle."""
    right, down = (width - 1) / 2, (height - 1) / 2
    cosine, sine, zero = keras.ops.cos(angles), keras.ops.sin(angles), keras.ops.zeros_like(angles)
    rows = (
        (cosine, -sine, right - right * cosine + down * sine),
        (sine, cosine, down - right * sine - down * cosine),
        (zero, zero),
    )
    return keras.ops.stack([number for row in rows for number in row], axis=1)
