"""A PNG file's own encoding is kept where every reader makes the same pixels of it, and nothing else is in it."""

import zlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schema.images import png
from schema.images.formats import UnreadableImageError, encode_image, encode_png, read_image
from tests import images

MARKER = b"DOE^JANE"
PLAIN = [images.noise(9, 11), images.noise(9, 11, 3), images.noise(9, 11, values=2**16)]
KINDS = ["grey", "rgb", "grey 16"]


def file_of(pixels: NDArray[Any], *, middle: bytes = b"", **options: Any) -> bytes:
    colour = images.RGB if pixels.ndim == 3 else images.GREY
    return images.png(pixels, pixels.dtype.itemsize * 8, colour, middle=middle, **options)


def by_tensorflow(data: bytes, pixels: NDArray[Any]) -> NDArray[Any]:
    return tf.io.decode_png(data, dtype=tf.as_dtype(pixels.dtype)).numpy().reshape(pixels.shape)


def chunks_of(data: bytes) -> list[bytes]:
    return images.png_chunk_names(data)


def rebuilt(file: bytes, stream: bytes) -> bytes:
    """The file with another compressed stream."""
    start = file.index(b"IDAT") - 4
    return file[:start] + images.png_chunk(b"IDAT", stream) + images.png_chunk(b"IEND", b"")


def stream_of(file: bytes) -> bytes:
    start = file.index(b"IDAT")
    return file[start + 4 : start + 4 + int.from_bytes(file[start - 4 : start], "big")]


@pytest.mark.parametrize("pixels", PLAIN, ids=KINDS)
def test_plain_pixels_are_kept_as_they_are_compressed_and_the_rest_goes(pixels: NDArray[Any]) -> None:
    notes = images.png_chunk(b"tEXt", b"Comment\0" + MARKER) + images.png_chunk(b"gAMA", b"\0\0\xb1\x8f")
    file = file_of(pixels, middle=notes) + MARKER

    image = read_image(file)
    kept = encode_image(image)

    assert MARKER in file
    assert MARKER not in kept
    assert chunks_of(kept) == [b"IHDR", b"IDAT", b"IEND"]
    assert stream_of(kept) == stream_of(file)
    np.testing.assert_array_equal(by_tensorflow(kept, pixels), pixels)
    np.testing.assert_array_equal(read_image(kept).pixels, pixels)


def test_a_stream_in_several_chunks_is_joined() -> None:
    pixels = images.noise(40, 40)
    file = file_of(pixels)
    stream = stream_of(file)
    parts = b"".join(images.png_chunk(b"IDAT", stream[at : at + 100]) for at in range(0, len(stream), 100))
    split = file[: file.index(b"IDAT") - 4] + parts + images.png_chunk(b"IEND", b"")

    kept = png.without_metadata(split)

    assert kept is not None
    assert chunks_of(split).count(b"IDAT") > 3
    np.testing.assert_array_equal(by_tensorflow(kept, pixels), pixels)


@pytest.mark.parametrize(
    "file",
    [
        file_of(PLAIN[0], middle=images.png_chunk(b"tRNS", b"\0\7")),
        images.png(images.noise(9, 11, values=2), 1, images.GREY),
        images.png(images.noise(9, 11, 4), 8, images.RGB_ALPHA),
        images.png(images.noise(9, 11, 2), 8, images.GREY_ALPHA),
        images.encode(images.noise(9, 11), "JPEG"),
        rebuilt(file_of(PLAIN[0]), stream_of(file_of(PLAIN[0])) + MARKER),
        rebuilt(file_of(PLAIN[0]), zlib.compress(zlib.decompress(stream_of(file_of(PLAIN[0]))) + MARKER)),
        rebuilt(file_of(PLAIN[0]), zlib.compress(zlib.decompress(stream_of(file_of(PLAIN[0])))[:-1])),
        rebuilt(file_of(PLAIN[0]), stream_of(file_of(PLAIN[0]))[:-4]),
        rebuilt(file_of(PLAIN[0]), zlib.compress(b"\5" + zlib.decompress(stream_of(file_of(PLAIN[0])))[1:])),
        file_of(PLAIN[0])[:-12],
        b"",
    ],
    ids=[
        "transparent colour",
        "one bit",
        "alpha",
        "grey with alpha",
        "jpeg",
        "bytes behind the stream",
        "bytes behind the rows",
        "a byte short",
        "stream without its checksum",
        "unknown filter",
        "no end",
        "empty",
    ],
)
def test_what_is_not_plain_is_encoded_anew(file: bytes) -> None:
    assert png.without_metadata(file) is None


def test_turned_and_grey_colour_images_are_encoded_anew() -> None:
    turned = images.encode(images.noise(9, 11), "PNG", exif=images.exif_orientation(6))
    upright = images.encode(images.noise(9, 11), "PNG", exif=images.exif_orientation(1))
    grey = np.repeat(images.noise(9, 11)[..., None], 3, axis=2)

    assert read_image(turned).png is None
    assert read_image(turned).pixels.shape == (11, 9)
    assert read_image(upright).png is not None
    assert read_image(file_of(grey)).png is None
    assert read_image(file_of(grey)).pixels.shape == (9, 11)


@settings(max_examples=300)
@given(
    st.sampled_from(PLAIN),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=3),
    st.integers(0, 10**6),
)
def test_whatever_happens_to_a_file_what_is_kept_shows_the_pixels_that_were_read(
    pixels: NDArray[Any], changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(encode_png(pixels))
    for position, flipped in changes:
        damaged[position % len(damaged)] ^= flipped
    for data in (bytes(damaged), bytes(damaged[: cut % len(damaged)])):
        try:
            image = read_image(data)
        except UnreadableImageError:
            continue
        np.testing.assert_array_equal(by_tensorflow(encode_image(image), image.pixels), image.pixels)
