"""Random changes of training images, as Keras layers that run on the training device."""

import keras

from components.settings import AugmentationSettings

VALUE_RANGE = (0.0, 255.0)


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
    if settings.rotation_degrees:
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
