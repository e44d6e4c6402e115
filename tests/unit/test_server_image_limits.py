"""Images are measured by their headers."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from schema import contract
from serving.server.errors import RequestError
from serving.server.image_limits import check_images
from serving.server.settings import Limits


def encoded(kind: str, width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("L", (width, height)).save(written, kind)
    return written.getvalue()


def check(*images: bytes, pixels: int = 10_000) -> int:
    return check_images({contract.IMAGE_BYTES_INPUT: np.array(images, object)}, Limits(pixels=pixels))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_the_limit_is_met_to_the_pixel(kind: str) -> None:
    image = encoded(kind, 37, 11)

    assert check(image, pixels=407) == 407
    assert check(image[:-2], pixels=407) == 407  # the rest is the decoder's business
    assert check(image, image) == 814
    with pytest.raises(RequestError, match="have 407 pixels together, more than the limit of 406"):
        check(image, pixels=406)


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "WEBP"])
def test_what_tensorflow_does_not_decode_is_refused(kind: str) -> None:
    with pytest.raises(RequestError, match="Image 1 is not a PNG, JPEG, BMP or GIF image"):
        check(encoded("PNG", 2, 2), encoded(kind, 2, 2))


@given(st.sampled_from(["PNG", "JPEG", "BMP", "GIF"]), st.data())
def test_damaged_headers_are_refused_or_passed_on_and_never_anything_else(kind: str, data: st.DataObject) -> None:
    image = bytearray(encoded(kind, 8, 8))
    for _ in range(data.draw(st.integers(1, 4))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    try:
        check(bytes(image[: data.draw(st.integers(0, len(image)))]))
    except RequestError as error:
        assert error.code.name == "INVALID_ARGUMENT"


def test_other_inputs_are_passed() -> None:
    assert check_images({"text": np.array([b"no image"], object), "x": np.zeros(3)}, Limits(images=0)) == 0
