"""Augmentation: what it may change, and that it does so while training only."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from components.settings import AugmentationSettings
from components.trainer.augmentation import augmentation

OFF: dict[str, Any] = {
    "horizontal_flip": False,
    "vertical_flip": False,
    "rotation_degrees": 0.0,
    "rotation_step_degrees": 0.0,
    "translation": 0.0,
    "zoom": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
}
STRONGEST = {
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation_degrees": 180.0,
    "translation": 0.5,
    "zoom": 0.5,
    "brightness": 1.0,
    "contrast": 1.0,
}
Images = NDArray[np.float32]


def _images(count: int = 16, channels: int = 3) -> Images:
    """Noise with black and white corners of the range in it."""
    images = np.random.default_rng(0).uniform(0, 255, (count, 24, 32, channels)).astype(np.float32)
    images[:, :4], images[:, -4:] = 0.0, 255.0
    return images


def _augment(images: Images, changes: dict[str, Any], seed: int = 0, training: bool = True) -> Images:
    layers = augmentation(AugmentationSettings.model_validate(OFF | changes), seed)
    return np.asarray(layers(images, training=training))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "changes", [{}, {"vertical_flip": True}, STRONGEST, *({key: value} for key, value in STRONGEST.items())]
)
def test_shape_and_range_are_kept(changes: dict[str, Any], channels: int) -> None:
    images = _images(channels=channels)

    augmented = _augment(images, changes)

    assert augmented.shape == images.shape
    assert augmented.dtype == np.float32
    assert augmented.min() >= 0.0
    assert augmented.max() <= 255.0 + 1e-3  # interpolation rounds


@pytest.mark.parametrize("key", STRONGEST)
def test_each_change_changes_images_while_training_and_only_then(key: str) -> None:
    images = _images()
    changes = {key: STRONGEST[key]}

    assert (np.abs(_augment(images, changes) - images).max(axis=(1, 2, 3)) > 1.0).any()
    np.testing.assert_array_equal(_augment(images, changes, training=False), images)


def test_with_everything_off_nothing_changes() -> None:
    images = _images()

    np.testing.assert_array_equal(_augment(images, {}), images)


def test_with_the_defaults_nothing_changes_outside_training() -> None:
    images = _images()
    layers = augmentation(AugmentationSettings(), seed=0)

    np.testing.assert_array_equal(np.asarray(layers(images, training=False)), images)


@pytest.mark.parametrize(
    ("changes", "axes"),
    [
        ({"horizontal_flip": True}, [(), (2,)]),
        ({"vertical_flip": True}, [(), (1,)]),
        ({"horizontal_flip": True, "vertical_flip": True}, [(), (1,), (2,), (1, 2)]),
    ],
)
def test_flips_mirror_some_images_along_the_axes_named(changes: dict[str, Any], axes: list[tuple[int, ...]]) -> None:
    images = _images(64)
    mirrored = [np.flip(images, axis) for axis in axes]

    augmented = _augment(images, changes)

    seen = [
        [number for number, way in enumerate(mirrored) if np.array_equal(way[row], augmented[row])]
        for row in range(len(images))
    ]
    assert all(len(ways) == 1 for ways in seen)
    assert {ways[0] for ways in seen} == set(range(len(axes)))


@pytest.mark.parametrize("changes", [{"translation": 0.3}, {"rotation_degrees": 45.0}])
def test_what_moves_into_the_picture_is_black(changes: dict[str, Any]) -> None:
    white = np.full((16, 24, 32, 1), 255.0, np.float32)

    augmented = _augment(white, changes)

    assert (augmented == 0.0).any()
    assert (augmented == 255.0).mean() > 0.3
    assert np.isin(augmented, (0.0, 255.0)).mean() > 0.9  # but for interpolated edges


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_brightness_changes_by_the_share_of_the_full_range_at_most(share: float) -> None:
    grey = np.full((200, 4, 4, 1), 128.0, np.float32)

    change = _augment(grey, {"brightness": share})[:, 0, 0, 0] - 128.0

    assert np.abs(change).max() <= share * 255 + 1e-3
    assert change.max() > 0.8 * share * 255
    assert change.min() < -0.8 * share * 255


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_contrast_changes_by_the_share_at_most(share: float) -> None:
    edge = np.full((200, 4, 4, 1), 100.0, np.float32)
    edge[:, :2] = 150.0

    augmented = _augment(edge, {"contrast": share})
    contrast = (augmented[:, 0, 0, 0] - augmented[:, -1, 0, 0]) / 50.0

    assert np.abs(contrast - 1.0).max() <= share + 1e-3
    assert contrast.max() > 1 + 0.8 * share
    assert contrast.min() < 1 - 0.8 * share


SPOT_RIGHT = 20  # of the middle, in pixels


def _move_spot(changes: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a bright spot right of the middle gets to in 200 pictures: down and right of the middle, in pixels."""
    side, middle = 65, 32
    rows, columns = np.mgrid[:side, :side] - middle
    spot = (rows**2 + (columns - SPOT_RIGHT) ** 2 < 9) * 255.0
    augmented = _augment(np.repeat(spot[None, :, :, None], 200, axis=0).astype(np.float32), changes)[..., 0]
    mass = augmented.sum(axis=(1, 2), dtype=np.float64)
    return (augmented * rows).sum(axis=(1, 2)) / mass, (augmented * columns).sum(axis=(1, 2)) / mass


def _assert_spread(values: NDArray[np.float64], lowest: float, highest: float, tolerance: float) -> None:
    """The values fill the range between two limits, and do not leave it."""
    assert values.min() >= lowest - tolerance
    assert values.max() <= highest + tolerance
    assert values.min() < lowest + 0.1 * (highest - lowest)
    assert values.max() > highest - 0.1 * (highest - lowest)


@pytest.mark.parametrize("degrees", [10.0, 45.0])
def test_rotation_goes_up_to_the_angle_either_way(degrees: float) -> None:
    down, right = _move_spot({"rotation_degrees": degrees})

    _assert_spread(np.degrees(np.arctan2(down, right)), -degrees, degrees, tolerance=0.5)
    np.testing.assert_allclose(np.hypot(down, right), SPOT_RIGHT, atol=0.5)


def _rotated(image: Images, degrees: float) -> Images:
    """By Keras's own layer, whose two limits leave it one angle."""
    layer = keras.layers.RandomRotation((degrees / 360.0, degrees / 360.0), fill_mode="constant")
    return np.asarray(layer(image[None], training=True))[0]


def _angles(changes: dict[str, Any], angles: Sequence[float], count: int) -> list[float]:
    """Which of the angles each of so many copies of an image was rotated by. Fails where it was by another."""
    image = _images(1, channels=1)[0]
    augmented = _augment(np.repeat(image[None], count, axis=0), changes)
    return [angles[number] for number in _which([_rotated(image, angle) for angle in angles], augmented)]


def _which(pictures: Sequence[Images], augmented: Images) -> list[int]:
    """The positions of the pictures that these are. Fails where one is none of them."""
    differences = np.array([np.abs(np.stack(pictures) - image).max(axis=(1, 2, 3)) for image in augmented])
    nearest, next_nearest = np.sort(differences, axis=1)[:, :2].T
    assert nearest.max() < 0.05
    assert next_nearest.min() > 5.0
    return differences.argmin(axis=1).tolist()


@pytest.mark.parametrize(
    ("degrees", "step", "angles"),
    [
        (180.0, 2.0, range(-178, 181, 2)),  # half a turn either way is one angle
        (180.0, 90.0, (-90, 0, 90, 180)),
        (90.0, 90.0, (-90, 0, 90)),
        (180.0, 50.0, (-150, -100, -50, 0, 50, 100, 150)),
        (10.0, 4.0, (-8, -4, 0, 4, 8)),
        (3.3, 1.1, (-3.3, -2.2, -1.1, 0, 1.1, 2.2, 3.3)),  # the quotient is rounded to less than 3
    ],
)
def test_every_angle_is_a_multiple_of_the_step_and_all_are_as_likely(
    degrees: float, step: float, angles: Sequence[float]
) -> None:
    changes = {"rotation_degrees": degrees, "rotation_step_degrees": step}

    drawn = _angles(changes, angles, count=12 * len(angles))

    assert chisquare([drawn.count(angle) for angle in angles]).pvalue > 0.01


def test_the_preset_of_mias_rotates_by_2_degrees_and_mirrors_and_does_nothing_else() -> None:
    image = _images(1, channels=1)[0]
    copies = np.repeat(image[None], 1000, axis=0)

    augmented = np.asarray(augmentation(AugmentationSettings(preset="mias"), seed=0)(copies, training=True))

    ways = [_rotated(way, angle) for way in (image, image[:, ::-1]) for angle in range(-178, 181, 2)]
    seen = np.array(_which(ways, augmented))
    assert len(set(seen)) > 320  # of 360
    assert 0.4 < (seen >= 180).mean() < 0.6


def test_rotation_in_steps_is_left_out_of_xla_as_that_by_any_angle_is() -> None:
    for step in (0.0, 2.0):
        settings = AugmentationSettings.model_validate(
            OFF | {"rotation_degrees": 30.0, "rotation_step_degrees": step}
        )
        assert [layer.supports_jit for layer in augmentation(settings, seed=0).layers] == [False]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_rotation_in_steps_takes_16_bit_images(policy: str) -> None:
    before = keras.config.dtype_policy()
    images = _images()
    changes = {"rotation_degrees": 180.0, "rotation_step_degrees": 90.0}
    expected = _augment(images, changes)
    try:
        keras.config.set_dtype_policy(policy)
        augmented = _augment(images, changes)
    finally:
        keras.config.set_dtype_policy(before)

    assert augmented.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(augmented.astype(np.float32), expected, atol=1.0)


def test_translation_goes_up_to_the_share_of_the_side_either_way() -> None:
    down, right = _move_spot({"translation": 0.1})

    for moved in (down, right - SPOT_RIGHT):
        _assert_spread(moved, -6.5, 6.5, tolerance=0.1)
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.3


def test_zoom_shows_more_or_less_by_the_share_of_the_side() -> None:
    down, right = _move_spot({"zoom": 0.2})

    _assert_spread(right, SPOT_RIGHT / 1.2, SPOT_RIGHT / 0.8, tolerance=0.5)
    np.testing.assert_allclose(down, 0.0, atol=0.5)


def test_each_call_draws_anew_and_the_seed_decides() -> None:
    images = _images()
    settings = AugmentationSettings()
    layers = augmentation(settings, seed=5)

    first, second = (np.asarray(layers(images, training=True)) for _ in range(2))
    again = np.asarray(augmentation(settings, seed=5)(images, training=True))
    other = np.asarray(augmentation(settings, seed=6)(images, training=True))

    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
