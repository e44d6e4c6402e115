"""The Transform graph, run eagerly: values of what comes out."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from components.settings import TransformSettings
from components.transform import SETTINGS_KEY, parse_image, preprocessing_fn
from schema import contract


def _png(pixels: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _transform(images: Sequence[bytes], settings: TransformSettings) -> NDArray[np.uint8]:
    count = len(images)
    outputs = preprocessing_fn(
        {
            contract.IMAGE_ENCODED: tf.constant([[image] for image in images]),
            contract.LABEL_INDEX: tf.constant([[number] for number in range(count)], tf.int64),
            contract.SOURCE: tf.constant([[f"{number}.png"] for number in range(count)]),
        },
        {SETTINGS_KEY: settings.model_dump_json()},
    )
    assert set(outputs) == {contract.TRANSFORMED_IMAGE, contract.TRANSFORMED_LABEL, contract.TRANSFORMED_SOURCE}
    assert outputs[contract.TRANSFORMED_LABEL].numpy().tolist() == list(range(count))
    assert outputs[contract.TRANSFORMED_SOURCE].numpy().tolist() == [f"{n}.png".encode() for n in range(count)]
    parsed = [parse_image(image, settings) for image in outputs[contract.TRANSFORMED_IMAGE]]
    return np.stack([image.numpy() for image in parsed])


def _picture(height: int, width: int, channels: int = 1) -> NDArray[np.uint8]:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng([height, width]).integers(0, 256, shape, np.uint8)


def test_an_image_of_the_right_size_is_passed_on_to_the_bit() -> None:
    rgb = _picture(20, 30, 3)

    (result,) = _transform([_png(rgb)], TransformSettings(height=20, width=30, channels=3))

    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, rgb)


def test_grey_becomes_three_equal_channels_or_stays_one() -> None:
    grey = _picture(20, 30)

    (three,) = _transform([_png(grey)], TransformSettings(height=20, width=30, channels=3))
    (one,) = _transform([_png(grey)], TransformSettings(height=20, width=30, channels=1))

    np.testing.assert_array_equal(three, np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(one, grey[..., None])


@pytest.mark.parametrize("size", [(41, 57), (16, 24), (90, 70)])
def test_the_depth_of_the_file_does_not_matter(size: tuple[int, int]) -> None:
    grey = _picture(41, 57)
    settings = TransformSettings(height=size[0], width=size[1], channels=3)

    eight, sixteen = _transform([_png(grey), _png(grey.astype(np.uint16) * 257)], settings).astype(int)

    assert eight.shape == (*size, 3)
    assert np.abs(eight - sixteen).max() <= 1
    assert eight.std() > 10


def test_sixteen_bits_are_rounded_to_eight() -> None:
    values = np.array([[0, 128, 129, 257, 32767, 32768, 65406, 65407, 65535] * 2] * 8, np.uint16)

    (result,) = _transform([_png(values)], TransformSettings(height=8, width=18, channels=1))

    assert result[0, :9, 0].tolist() == [0, 0, 1, 1, 127, 128, 254, 255, 255]


def test_images_of_several_sizes_in_one_batch_come_out_in_one_size_and_in_order() -> None:
    pictures = [
        np.full((height, width), value, np.uint8) for height, width, value in [(9, 50, 10), (64, 8, 200), (1, 1, 77)]
    ]

    results = _transform([_png(picture) for picture in pictures], TransformSettings(height=12, width=16, channels=3))

    assert results.shape == (3, 12, 16, 3)
    for result, value in zip(results, (10, 200, 77), strict=True):
        assert set(result.ravel().tolist()) == {value}


def test_fine_detail_is_averaged_and_not_picked_from() -> None:
    board = (np.indices((60, 60)).sum(axis=0) % 2 * 255).astype(np.uint8)

    (result,) = _transform([_png(board)], TransformSettings(height=20, width=20, channels=1))

    assert np.abs(result.astype(int) - 127.5).max() <= 20


def test_dark_and_bright_stay_within_range() -> None:
    edge = np.zeros((40, 40), np.uint8)
    edge[:, 20:] = 255

    (result,) = _transform([_png(edge)], TransformSettings(height=100, width=100, channels=1))

    assert (result[:, :45].max(), result[:, 55:].min()) == (0, 255)
    assert (np.diff(result[0, :, 0].astype(int)) >= 0).all()


def test_other_formats_are_decoded_too() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((20, 20), 90, np.uint8)).save(buffer, "JPEG", quality=100)

    (result,) = _transform([buffer.getvalue()], TransformSettings(height=8, width=8, channels=3))

    assert np.abs(result.astype(int) - 90).max() <= 1


@pytest.mark.parametrize("data", [b"", b"no image", _png(_picture(20, 20))[:-30]])
def test_what_is_no_whole_image_is_an_error(data: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        _transform([data], TransformSettings(height=8, width=8, channels=3))


def test_parsing_is_the_inverse_of_serializing() -> None:
    picture = _picture(8, 9, 3)

    parsed = parse_image(tf.io.serialize_tensor(picture), TransformSettings(height=8, width=9, channels=3))

    np.testing.assert_array_equal(parsed.numpy(), picture)
    assert parsed.shape == (8, 9, 3)


@pytest.mark.parametrize("settings", [(9, 8, 3), (8, 9, 1), (72, 8, 3)])
def test_parsing_another_shape_is_an_error(settings: tuple[int, int, int]) -> None:
    height, width, channels = settings
    wanted = TransformSettings.model_validate({"height": height, "width": width, "channels": channels})

    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        parse_image(tf.io.serialize_tensor(_picture(8, 9, 3)), wanted)
