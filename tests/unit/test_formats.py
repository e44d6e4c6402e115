"""How image files become pixels: by value for each format, and nothing but a clear refusal for all else."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from schema import contract
from schema.images.formats import UnreadableImageError, encode_png, read_image
from tests import images

MARKER = b"PATIENT-NAME-4711"
BEHIND_NEEDED_TAGS = 6 * 12 + 4  # bytes of a TIFF file: entries that have a default, and the offset of the next page
BEHIND_LAST_PIXEL = 4 + 4 + 12  # bytes of a PNG file: checksums of the pixels and of their chunk, end chunk


def _assert_image(data: bytes, pixels: NDArray[Any], bit_depth: int) -> None:
    image = read_image(data)
    assert image.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.bit_depth == bit_depth
    assert (image.height, image.width) == pixels.shape[:2]
    assert image.channels == (3 if pixels.ndim == 3 else 1)


def _refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        read_image(data)
    return str(caught.value)


# PNG


@pytest.mark.parametrize(("bit_depth", "step"), [(1, 255), (2, 85), (4, 17), (8, 1)])
def test_grey_png_of_few_bits_fills_the_range_of_8_bits(bit_depth: int, step: int) -> None:
    samples = images.noise(9, 11, values=2**bit_depth)

    _assert_image(images.png(samples, bit_depth, images.GREY), (samples * step).astype(np.uint8), bit_depth)


def test_grey_png_of_16_bits_keeps_all_of_them() -> None:
    samples = images.noise(9, 11, values=2**16)

    _assert_image(images.png(samples, 16, images.GREY), samples, 16)


def test_rgb_png() -> None:
    samples = images.noise(9, 11, 3)

    _assert_image(images.png(samples, 8, images.RGB), samples, 8)


def test_rgb_png_of_16_bits_keeps_all_of_them() -> None:
    samples = images.noise(9, 11, 3, values=2**16)

    _assert_image(images.png(samples, 16, images.RGB), samples, 16)


def test_equal_channels_of_16_bits_become_grey() -> None:
    grey = images.noise(9, 11, values=2**16)
    opaque = np.full_like(grey, 65535)

    _assert_image(images.png(np.stack([grey] * 3, axis=-1), 16, images.RGB), grey, 16)
    _assert_image(images.png(np.stack([grey, opaque], axis=-1), 16, images.GREY_ALPHA), grey, 16)


@pytest.mark.parametrize(("channels", "colour_type"), [(1, images.GREY_ALPHA), (3, images.RGB_ALPHA)])
def test_half_transparent_pixels_of_16_bits_are_laid_on_black(channels: int, colour_type: int) -> None:
    values, alpha = (images.noise(16, 16, n, seed=n, values=2**16) for n in (channels, 1))
    values[0, 0], alpha[0, 0] = 65535, 65535
    file = images.png(np.concatenate([values, alpha], axis=-1), 16, colour_type)
    expected = np.rint(values.astype(np.longdouble) * alpha / 65535).astype(np.uint16)

    _assert_image(file, expected.squeeze(), 16)


def test_one_colour_of_16_bits_named_as_transparent_becomes_black() -> None:
    samples = images.noise(9, 11, 3, values=2**16)
    file = images.png(
        samples, 16, images.RGB, middle=images.png_chunk(b"tRNS", samples[2, 3].astype(">u2").tobytes())
    )
    samples[2, 3] = 0

    _assert_image(file, samples, 16)


def test_colours_of_16_bits_stay_whatever_the_file_says_of_their_gamma() -> None:
    samples = images.noise(9, 11, 3, values=2**16)
    gamma = images.png_chunk(b"gAMA", (90_000).to_bytes(4, "big"))

    _assert_image(images.png(samples, 16, images.RGB, middle=gamma), samples, 16)


@pytest.mark.parametrize("colour_type", [images.RGB, images.RGB_ALPHA])
def test_equal_channels_become_grey(colour_type: int) -> None:
    grey = images.noise(9, 11)
    channels = [grey, grey, grey] if colour_type == images.RGB else [grey, grey, grey, np.full_like(grey, 255)]

    _assert_image(images.png(np.stack(channels, axis=-1), 8, colour_type), grey, 8)


@pytest.mark.parametrize("opacity", [0, 255])
def test_opaque_pixels_stay_and_transparent_ones_become_black(opacity: int) -> None:
    rgb = images.noise(9, 11, 3)
    alpha = np.full((9, 11, 1), opacity, np.uint8)
    expected = rgb if opacity else np.zeros((9, 11), np.uint8)

    _assert_image(images.png(np.concatenate([rgb, alpha], axis=-1), 8, images.RGB_ALPHA), expected, 8)


@pytest.mark.parametrize(("channels", "colour_type"), [(1, images.GREY_ALPHA), (3, images.RGB_ALPHA)])
def test_half_transparent_pixels_are_laid_on_black(channels: int, colour_type: int) -> None:
    values, alpha = images.noise(16, 16, channels), images.noise(16, 16, 1, seed=1)
    expected = np.rint(values * (alpha / 255.0)).squeeze()

    image = read_image(images.png(np.concatenate([values, alpha], axis=-1), 8, colour_type))

    assert image.pixels.dtype == np.uint8
    assert image.channels == channels
    assert np.abs(image.pixels.astype(float) - expected).max() <= 1


def test_one_grey_level_named_as_transparent_becomes_black() -> None:
    grey = np.array([[0, 100, 200], [100, 255, 1]], np.uint8)
    file = images.png(grey, 8, images.GREY, middle=images.png_chunk(b"tRNS", b"\0\x64"))

    _assert_image(file, np.array([[0, 0, 200], [0, 255, 1]], np.uint8), 8)


@pytest.mark.parametrize("bit_depth", [1, 2, 4, 8])
def test_palette_png(bit_depth: int) -> None:
    palette = images.noise(2**bit_depth, 3, seed=1)
    indices = images.noise(9, 11, values=2**bit_depth)
    chunk = images.png_chunk(b"PLTE", palette.tobytes())

    _assert_image(images.png(indices, bit_depth, images.PALETTE, middle=chunk), palette[indices], bit_depth)


def test_palette_png_with_transparency() -> None:
    palette = np.array([[10, 20, 30], [200, 100, 50], [255, 255, 255]], np.uint8)
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    chunks = images.png_chunk(b"PLTE", palette.tobytes()) + images.png_chunk(b"tRNS", bytes([255, 0, 255]))
    shown = palette * np.array([[1], [0], [1]], np.uint8)

    _assert_image(images.png(indices, 8, images.PALETTE, middle=chunks), shown[indices], 8)


def test_palette_of_greys_becomes_grey() -> None:
    palette = np.arange(0, 256, 17, np.uint8)[:, None].repeat(3, axis=1)
    indices = images.noise(9, 11, values=16)
    chunk = images.png_chunk(b"PLTE", palette.tobytes())

    _assert_image(images.png(indices, 4, images.PALETTE, middle=chunk), (indices * 17).astype(np.uint8), 4)


def test_bit_depth_is_found_where_the_header_is_not_the_first_chunk() -> None:
    samples = images.noise(9, 11)
    file = images.png(samples, 8, images.GREY, first=images.png_chunk(b"tEXt", b"a\0" + b"b" * 60))

    _assert_image(file, samples, 8)


# JPEG


def test_grey_jpeg() -> None:
    pixels = images.blocks(24, 40)

    image = read_image(images.encode(pixels, "JPEG", quality=95))

    assert (image.channels, image.bit_depth, image.pixels.dtype) == (1, 8, np.uint8)
    assert np.abs(image.pixels.astype(int) - pixels).max() <= 1


def test_rgb_jpeg() -> None:
    pixels = images.blocks(24, 40, 3)

    image = read_image(images.encode(pixels, "JPEG", quality=95, subsampling=0))

    assert (image.channels, image.bit_depth, image.pixels.shape) == (3, 8, (24, 40, 3))
    assert np.abs(image.pixels.astype(int) - pixels).max() <= 3


def test_cmyk_jpeg_looks_as_tensorflow_sees_it() -> None:
    file = images.encode(Image.fromarray(images.blocks(24, 40, 4), "CMYK"), "JPEG", quality=95)

    image = read_image(file)

    expected = tf.io.decode_jpeg(file, channels=3).numpy()
    assert image.bit_depth == 8
    assert expected.std() > 20
    assert np.abs(image.pixels.astype(int) - expected).max() <= 3


@pytest.mark.parametrize("shape", [(24, 40), (24, 40, 3)])
def test_progressive_jpeg_has_the_pixels_of_a_baseline_one(shape: tuple[int, ...]) -> None:
    pixels = images.noise(*shape)
    progressive = images.encode(pixels, "JPEG", progressive=True)
    baseline = images.encode(pixels, "JPEG")

    assert b"\xff\xc2" in progressive
    assert b"\xff\xc2" not in baseline
    np.testing.assert_array_equal(read_image(progressive).pixels, read_image(baseline).pixels)


# Orientation


def _exif_chunk(orientation: int) -> bytes:
    return images.png_chunk(b"eXIf", images.exif_orientation(orientation).tobytes().removeprefix(b"Exif\0\0"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_orientation_is_undone(orientation: int, channels: tuple[int, ...], bits: int, image_format: str) -> None:
    upright = images.noise(5, 8, *channels, values=2**bits)
    stored = np.ascontiguousarray(images.STORED_FROM_UPRIGHT[orientation](upright))

    if image_format == "TIFF":
        photometric = images.TIFF_RGB if channels else images.MIN_IS_BLACK
        file = images.tiff(stored, orientation=orientation, photometric=photometric)
    else:
        colour_type = images.RGB if channels else images.GREY
        file = images.png(stored, bits, colour_type, middle=_exif_chunk(orientation))

    _assert_image(file, upright, bits)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_orientation_of_a_compressed_tiff_is_undone(orientation: int, compression: str) -> None:
    upright = images.blocks(16, 24)
    stored = np.ascontiguousarray(images.STORED_FROM_UPRIGHT[orientation](upright))
    tags = {images.ORIENTATION_TAG: orientation}

    image = read_image(images.encode(stored, "TIFF", compression=compression, tiffinfo=tags))

    assert image.pixels.shape == upright.shape
    assert np.abs(image.pixels.astype(int) - upright).max() <= 3


def test_orientation_is_found_where_imagemagick_writes_it() -> None:
    upright = images.noise(5, 8)
    exif = images.exif_orientation(3).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n")

    _assert_image(images.encode(np.ascontiguousarray(np.rot90(upright, 2)), "PNG", pnginfo=info), upright, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_jpeg_is_undone(orientation: int) -> None:
    upright = images.blocks(16, 24, 3)
    stored = np.ascontiguousarray(images.STORED_FROM_UPRIGHT[orientation](upright))

    file = images.encode(stored, "JPEG", quality=95, subsampling=0, exif=images.exif_orientation(orientation))
    image = read_image(file)

    assert image.pixels.shape == upright.shape
    assert np.abs(image.pixels.astype(int) - upright).max() <= 3


# BMP, PGM, PPM


def test_bmp() -> None:
    grey, rgb, bits = images.noise(9, 11), images.noise(9, 11, 3), images.noise(9, 11, values=2)

    _assert_image(images.encode(grey, "BMP"), grey, 8)
    _assert_image(images.encode(rgb, "BMP"), rgb, 8)
    _assert_image(images.encode(bits.astype(bool), "BMP"), (bits * 255).astype(np.uint8), 1)


def test_pgm_and_ppm() -> None:
    grey, rgb, deep = images.noise(9, 11), images.noise(9, 11, 3), images.noise(9, 11, values=2**16)

    _assert_image(images.netpbm(grey, 255), grey, 8)
    _assert_image(images.netpbm(rgb, 255), rgb, 8)
    _assert_image(images.netpbm(deep, 65535), deep, 16)
    plain = b"P2 # a comment\n3 2 255\n0 50 100\n150 200 255\n"
    _assert_image(plain, np.array([[0, 50, 100], [150, 200, 255]], np.uint8), 8)


def test_pgm_of_12_bits_fills_the_range_of_16() -> None:
    samples = np.array([[0, 1, 2047], [2048, 4094, 4095]], np.uint16)

    image = read_image(images.netpbm(samples, 4095))

    assert image.pixels.dtype == np.uint16
    assert np.abs(image.pixels - samples * (65535 / 4095)).max() <= 1
    assert image.pixels.max() == 65535


# TIFF


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize(("values", "bit_depth"), [(256, 8), (2**16, 16)])
def test_grey_tiff(byte_order: str, values: int, bit_depth: int) -> None:
    samples = images.noise(9, 11, values=values)

    _assert_image(images.tiff(samples, byte_order=byte_order), samples, bit_depth)


@pytest.mark.parametrize("values", [256, 2**16])
def test_tiff_in_which_0_is_white_is_inverted(values: int) -> None:
    samples = images.noise(9, 11, values=values)

    image = read_image(images.tiff(samples, photometric=images.MIN_IS_WHITE))

    np.testing.assert_array_equal(image.pixels, (values - 1 - samples.astype(int)))
    assert image.pixels.dtype == samples.dtype


@pytest.mark.parametrize("orientation", [3, 6])
def test_tiff_of_16_bits_in_which_0_is_white_may_also_be_turned(orientation: int) -> None:
    upright = images.noise(5, 8, values=2**16)
    stored = images.STORED_FROM_UPRIGHT[orientation](~upright)

    _assert_image(images.tiff(stored, photometric=images.MIN_IS_WHITE, orientation=orientation), upright, 16)


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_rgb_tiff(bits: int, byte_order: str) -> None:
    samples = images.noise(9, 11, 3, values=2**bits)

    _assert_image(images.tiff(samples, photometric=images.TIFF_RGB, byte_order=byte_order), samples, bits)


@pytest.mark.parametrize("compression", [1, 5, 8, 32773], ids=["none", "lzw", "deflate", "packbits"])
def test_compressed_rgb_tiff_of_16_bits(compression: int) -> None:
    samples = images.noise(40, 30, 3, values=2**16)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 7]

    _assert_image(cv2.imencode(".tiff", samples[..., ::-1], options)[1].tobytes(), samples, 16)


# The meaning of a fourth channel: unspecified, multiplied into the colours, not multiplied into them.
@pytest.mark.parametrize("extra_samples", [0, 1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_with_a_fourth_channel(bits: int, extra_samples: int) -> None:
    samples = images.noise(9, 11, 4, values=2**bits)
    colours, alpha = samples[..., :3], samples[..., 3:]
    if extra_samples == 1:
        samples[..., :3] = colours = np.minimum(colours, alpha)
    file = images.tiff(samples, photometric=images.TIFF_RGB, extra_samples=extra_samples)
    expected = colours * (alpha / (2**bits - 1)) if extra_samples == 2 else colours

    pixels = read_image(file).pixels

    assert (pixels.dtype, pixels.shape) == (samples.dtype, (9, 11, 3))
    # Pillow divides by the alpha of 8 bits before it multiplies by it, and so loses values of dark pixels.
    seen = np.broadcast_to(alpha > 127, pixels.shape) if bits == 8 else np.full(pixels.shape, True)
    assert np.abs(pixels.astype(float) - expected)[seen].max() <= (2 if bits == 8 else 0.5)


@pytest.mark.parametrize("photometric", [images.MIN_IS_BLACK, images.MIN_IS_WHITE])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_tiff_of_bits_between_fills_the_range_of_16(bits: int, byte_order: str, photometric: int) -> None:
    highest = 2**bits - 1
    samples = images.noise(8, 12, values=2**bits)
    samples[0, :4] = 0, 1, highest - 1, highest
    shown = highest - samples if photometric == images.MIN_IS_WHITE else samples
    expected = [[round(Fraction(int(value) * 65535, highest)) for value in row] for row in shown]

    file = images.tiff(samples, bits=bits, byte_order=byte_order, photometric=photometric)

    _assert_image(file, np.array(expected, np.uint16), bits)


def test_rgb_tiff_of_12_bits_fills_the_range_of_16() -> None:
    samples = images.noise(8, 12, 3, values=4096)

    file = images.tiff(samples, bits=12, photometric=images.TIFF_RGB)

    _assert_image(file, np.rint(samples * (65535 / 4095)).astype(np.uint16), 12)


@pytest.mark.parametrize("bits", [9, 11, 13, 15])
def test_tiff_of_an_odd_number_of_bits_is_refused(bits: int) -> None:
    file = images.tiff(images.noise(8, 12, values=2**bits), bits=bits)

    assert _refusal(file) == f"TIFF files of {bits} bits are not supported; convert to 8 or 16 bits"


def test_tiff_of_16_bits_in_separate_planes_is_refused() -> None:
    file = images.tiff(images.noise(9, 11, 3, values=2**16), photometric=images.TIFF_RGB, planes=2)

    assert _refusal(file) == "colours in separate planes are supported with 8 bits alone"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("values", [256, 2**16])
def test_compressed_tiff(compression: str, values: int) -> None:
    samples = images.noise(9, 11, values=values)

    _assert_image(images.encode(samples, "TIFF", compression=compression), samples, 8 if values == 256 else 16)


def test_tiff_of_one_bit() -> None:
    bits = images.noise(9, 11, values=2)

    _assert_image(images.encode(bits.astype(bool), "TIFF", compression="group4"), (bits * 255).astype(np.uint8), 1)


def test_floating_point_tiff_is_refused() -> None:
    file = images.tiff(np.ones((9, 11), np.float32), sample_format=images.FLOATING)

    assert _refusal(file) == "floating-point pixels are not supported; convert to 8 or 16 bits"


def test_tiff_with_negative_values_is_refused_and_without_them_is_read() -> None:
    samples = np.array([[0, 1, 32767], [5, 6, 7]], np.int16)
    _assert_image(images.tiff(samples, sample_format=images.SIGNED), samples.astype(np.uint16), 16)

    samples[1, 1] = -1
    file = images.tiff(samples, sample_format=images.SIGNED)
    assert _refusal(file) == "pixel values from -1 to 32767 do not fit into 16 bits"


# What is no image


def test_empty_file_is_refused() -> None:
    assert _refusal(b"") == "the file is empty (0 bytes)"


@pytest.mark.parametrize(
    "data",
    [b"This is text under the name of an image.\n", b"<html></html>", np.random.default_rng(0).bytes(5000), b"\0"],
    ids=["text", "html", "random bytes", "one byte"],
)
def test_other_content_is_refused(data: bytes) -> None:
    supported = "PNG, JPEG, BMP, PGM, PPM, TIFF or DICOM"

    assert _refusal(data) == f"the content is not an image in a supported format ({supported})"


def test_formats_that_are_not_named_are_refused() -> None:
    assert "supported format" in _refusal(images.encode(images.noise(9, 11), "GIF"))
    assert "supported format" in _refusal(images.encode(images.noise(9, 11, 3), "WEBP"))


def test_file_beyond_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = images.encode(images.noise(9, 11), "BMP")
    monkeypatch.setattr(contract, "MAXIMUM_FILE_BYTES", len(file))
    assert read_image(file).width == 11

    monkeypatch.setattr(contract, "MAXIMUM_FILE_BYTES", len(file) - 1)
    assert _refusal(file) == f"the file has {len(file)} bytes, more than the limit of {len(file) - 1}"


def test_image_beyond_the_pixel_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = images.encode(images.noise(9, 11), "PNG")
    monkeypatch.setattr(contract, "MAXIMUM_PIXELS", 99)
    assert read_image(file).width == 11

    monkeypatch.setattr(contract, "MAXIMUM_PIXELS", 98)
    assert _refusal(file) == "the image has 11x9 pixels, more than the limit of 98"


@pytest.mark.parametrize("size", [(100_000, 100_000), (12_000, 12_000)])
@pytest.mark.parametrize("kind", ["png", "pgm", "tiff"])
def test_a_header_that_claims_too_many_pixels_is_refused_before_memory_is_spent(
    kind: str, size: tuple[int, int]
) -> None:
    files: dict[str, Callable[[], bytes]] = {
        "png": lambda: images.png(images.noise(9, 11), 8, images.GREY, size=size),
        "pgm": lambda: b"P5\n%d %d\n255\n" % size + bytes(99),
        "tiff": lambda: images.tiff(images.noise(9, 11), size=size),
    }
    data = files[kind]()
    program = """
import resource, sys
from schema.images.formats import UnreadableImageError, read_image
data = sys.stdin.buffer.read()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 64 * 1024 * 1024
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    read_image(data)
except UnreadableImageError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=False)

    message = result.stdout.decode().strip()
    assert message.startswith("the image has "), result.stderr.decode()
    assert message.endswith("pixels, more than the limit of 120000000") or "more pixels than the limit" in message


def _greedy_exif(entries: int, length: int) -> bytes:
    """EXIF data in which each entry claims nearly all bytes there are."""
    start = b"II*\0" + struct.pack("<IH", 8, entries)
    claims = b"".join(struct.pack("<HHII", 1000 + number, 7, length - 100, 8) for number in range(entries))
    return (start + claims + bytes(4)).ljust(length, b"\0")


def _greedy_png() -> bytes:
    chunk = images.png_chunk(b"eXIf", _greedy_exif(20_000, 500_000))
    return images.png(images.noise(9, 11), 8, images.GREY, middle=chunk)


def _greedy_png_by_imagemagick() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{500_000:8}\n{_greedy_exif(20_000, 500_000).hex()}\n", zip=True)
    return images.encode(images.noise(9, 11), "PNG", pnginfo=info)


def _greedy_jpeg() -> bytes:
    exif = _greedy_exif(20_000, 500_000)
    parts = [b"Exif\0\0" + exif[start : start + 60_000] for start in range(0, len(exif), 60_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts)
    jpeg = images.encode(images.noise(9, 11), "JPEG")
    return jpeg[:2] + segments + jpeg[2:]


def _greedy_tiff() -> bytes:
    return _greedy_exif(20_000, 500_000)


@pytest.mark.parametrize("make", [_greedy_png, _greedy_png_by_imagemagick, _greedy_jpeg, _greedy_tiff])
def test_a_small_file_whose_metadata_claim_gigabytes_is_refused(make: Callable[[], bytes]) -> None:
    assert "a directory claims more bytes than the file has" in _refusal(make())


def _truncations(data: bytes) -> Iterator[bytes]:
    return (data[:length] for length in range(1, len(data)))


@pytest.mark.parametrize("shape", [(17, 23), (17, 23, 3)])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_cut_anywhere_is_refused_unless_all_pixels_are_left(shape: tuple[int, ...], bits: int) -> None:
    pixels = images.noise(*shape, values=2**bits)
    file = images.png(pixels, bits, images.RGB if len(shape) == 3 else images.GREY)
    read = 0

    for cut in _truncations(file):
        try:
            image = read_image(cut)
        except UnreadableImageError:
            continue
        read += 1
        np.testing.assert_array_equal(image.pixels, pixels)

    assert read <= BEHIND_LAST_PIXEL


@pytest.mark.parametrize(
    "page",
    [
        images.TiffPage(images.noise(17, 23)),
        images.TiffPage(images.noise(17, 23, values=4096), bits=12),
        images.TiffPage(images.noise(17, 23, 3, values=2**16), photometric=images.TIFF_RGB),
    ],
    ids=["8 bits", "12 bits", "16 bits"],
)
def test_a_tiff_cut_anywhere_is_refused_unless_all_pixels_are_left(page: images.TiffPage) -> None:
    file = images.tiff_of_pages(page)
    whole = read_image(file).pixels
    read = 0

    for cut in _truncations(file):
        try:
            image = read_image(cut)
        except UnreadableImageError:
            continue
        read += 1
        np.testing.assert_array_equal(image.pixels, whole)

    assert read <= BEHIND_NEEDED_TAGS


@pytest.mark.parametrize("compression", [5, 8], ids=["lzw", "deflate"])
def test_a_compressed_tiff_of_16_bits_with_pixels_cut_out_is_refused(compression: int) -> None:
    samples = images.noise(40, 30, 3, values=2**16)
    file = cv2.imencode(".tiff", samples, [cv2.IMWRITE_TIFF_COMPRESSION, compression])[1].tobytes()
    half = len(file) // 2

    assert "damaged or truncated" in _refusal(file[:half] + bytes(100) + file[half + 100 :])


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 3)])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_anywhere_is_refused(shape: tuple[int, ...], progressive: bool) -> None:
    file = images.encode(images.noise(*shape), "JPEG", progressive=progressive)

    for cut in _truncations(file):
        assert _refusal(cut)


def test_a_truncated_image_is_called_so() -> None:
    file = images.encode(images.noise(40, 40), "PNG")

    assert _refusal(file[:500]).startswith("the image is damaged or truncated (")


@pytest.mark.parametrize("pixels", [images.noise(17, 23), images.noise(9, 7, 3, values=2**16)], ids=["8", "16"])
def test_a_flipped_bit_within_the_pixels_of_a_png_never_goes_unnoticed(pixels: NDArray[Any]) -> None:
    file = encode_png(pixels)

    for position in range(file.index(b"IDAT") + 4, len(file)):
        damaged = bytearray(file)
        damaged[position] ^= 0x10
        try:
            image = read_image(bytes(damaged))
        except UnreadableImageError:
            continue
        np.testing.assert_array_equal(image.pixels, pixels)


# Writing


@pytest.mark.parametrize(
    "pixels",
    [
        images.noise(9, 11),
        images.noise(9, 11, 3),
        images.noise(9, 11, values=2**16),
        images.noise(9, 11, 3, values=2**16),
        np.array([[0, 1, 255, 256, 65534, 65535]], np.uint16),
        np.zeros((1, 1), np.uint8),
    ],
    ids=["grey", "rgb", "grey 16", "rgb 16", "extremes 16", "one pixel"],
)
def test_written_png_is_lossless_and_reproducible_and_tensorflow_reads_it(pixels: NDArray[Any]) -> None:
    file = encode_png(pixels)

    assert encode_png(pixels.copy()) == file
    read = read_image(file)
    np.testing.assert_array_equal(read.pixels, pixels)
    assert (read.pixels.dtype, read.bit_depth) == (pixels.dtype, pixels.dtype.itemsize * 8)
    by_tensorflow = tf.io.decode_png(file, dtype=tf.as_dtype(pixels.dtype)).numpy()
    np.testing.assert_array_equal(by_tensorflow.squeeze(-1) if pixels.ndim == 2 else by_tensorflow, pixels)
    as_in_transform = tf.io.decode_image(file, channels=0, dtype=tf.float32, expand_animations=False).numpy()
    scaled = (pixels / np.iinfo(pixels.dtype).max).reshape(by_tensorflow.shape)
    np.testing.assert_allclose(as_in_transform, scaled, atol=1e-6)


def test_written_8_bit_png_is_exact_for_decode_image() -> None:
    for pixels in (images.noise(30, 40), images.noise(30, 40, 3)):
        decoded = tf.io.decode_image(encode_png(pixels), expand_animations=False).numpy()
        np.testing.assert_array_equal(decoded.reshape(pixels.shape), pixels)


def _png_with_metadata() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", MARKER.decode())
    info.add_itxt("XML:com.adobe.xmp", f"<x>{MARKER.decode()}</x>")
    return images.encode(
        images.noise(9, 11), "PNG", pnginfo=info, exif=_exif(), icc_profile=zlib.compress(b"") + MARKER, dpi=(72, 72)
    )


def _jpeg_with_metadata() -> bytes:
    return images.encode(
        images.noise(9, 11), "JPEG", exif=_exif(), icc_profile=b"icc" + MARKER, comment=MARKER, xmp=b"<x>" + MARKER
    )


def _tiff_with_metadata() -> bytes:
    return images.encode(images.noise(9, 11, values=2**16), "TIFF", exif=_exif(), description=MARKER.decode())


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = exif[0x010F] = exif[0x013B] = MARKER.decode()
    return exif


def _deep_png_with_metadata() -> bytes:
    chunks = images.png_chunk(b"tEXt", b"Comment\0" + MARKER) + images.png_chunk(b"iTXt", b"a\0\0\0\0\0" + MARKER)
    return images.png(images.noise(9, 11, 3, values=2**16), 16, images.RGB, middle=chunks)


@pytest.mark.parametrize(
    "make", [_png_with_metadata, _deep_png_with_metadata, _jpeg_with_metadata, _tiff_with_metadata]
)
def test_metadata_never_survive(make: Callable[[], bytes]) -> None:
    file = make()
    assert file.count(MARKER) >= 2

    written = encode_png(read_image(file).pixels)

    assert MARKER not in written
    names = images.png_chunk_names(written)
    assert (names[0], set(names[1:-1]), names[-1]) == (b"IHDR", {b"IDAT"}, b"IEND")


# Any bytes at all


def _check(data: bytes) -> None:
    """Whatever the bytes are, they are refused in the one way, or give an image that survives writing."""
    try:
        image = read_image(data)
    except UnreadableImageError as error:
        assert str(error)
        return
    assert image.pixels.dtype in (np.uint8, np.uint16)
    assert image.pixels.ndim == 2 or image.pixels.shape[2:] == (3,)
    assert min(image.height, image.width) >= 1
    assert 1 <= image.bit_depth <= 16
    np.testing.assert_array_equal(read_image(encode_png(image.pixels)).pixels, image.pixels)


VALID_FILES = [
    images.encode(images.noise(9, 11), "PNG", exif=images.exif_orientation(6)),
    images.encode(images.noise(9, 11, values=2**16), "PNG"),
    images.encode(images.noise(9, 11, 4), "PNG"),
    images.png(images.noise(9, 11, 3, values=2**16), 16, images.RGB),
    images.encode(Image.fromarray(images.noise(9, 11, 3)).quantize(16), "PNG", transparency=3),
    images.encode(images.noise(9, 11), "JPEG", exif=images.exif_orientation(3)),
    images.encode(images.noise(9, 11, 3), "JPEG", progressive=True),
    images.encode(Image.fromarray(images.noise(9, 11, 4), "CMYK"), "JPEG"),
    images.encode(images.noise(9, 11), "BMP"),
    images.encode(images.noise(9, 11, 3), "BMP"),
    images.tiff(images.noise(9, 11)),
    images.tiff(images.noise(9, 11, values=2**16), byte_order=">"),
    images.tiff(images.noise(9, 11, 3), photometric=images.TIFF_RGB, orientation=8),
    images.tiff(images.noise(9, 11, 3, values=2**16), photometric=images.TIFF_RGB, orientation=6),
    images.tiff(images.noise(9, 11, values=4096), bits=12),
    images.encode(images.noise(9, 11), "TIFF", compression="tiff_lzw"),
    images.netpbm(images.noise(9, 11), 255),
    images.netpbm(images.noise(9, 11, values=2**16), 65535),
]


@st.composite
def mutated_files(draw: st.DrawFn) -> bytes:
    """A valid file with bytes replaced, cut out and inserted, most of them near its start, where the headers are."""
    data = bytearray(draw(st.sampled_from(VALID_FILES)))
    for _ in range(draw(st.integers(1, 5))):
        end = draw(st.sampled_from([64, 256, len(data)]))
        position = draw(st.integers(0, max(min(end, len(data)) - 1, 0)))
        change = draw(st.sampled_from(["flip", "replace", "cut", "insert", "truncate"]))
        if change == "flip" and data:
            data[position] ^= 1 << draw(st.integers(0, 7))
        elif change == "replace":
            new = draw(st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff", b"\x00\x01"]))
            data[position : position + len(new)] = new
        elif change == "cut":
            del data[position : position + draw(st.integers(1, 16))]
        elif change == "insert":
            data[position:position] = draw(st.binary(min_size=1, max_size=8))
        elif change == "truncate":
            del data[position:]
    return bytes(data)


def test_the_files_to_be_damaged_are_valid() -> None:
    for file in VALID_FILES:
        assert sorted((read_image(file).height, read_image(file).width)) == [9, 11]


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_in_one_way(data: bytes) -> None:
    _check(data)


@settings(max_examples=200)
@given(st.sampled_from(VALID_FILES), st.integers(2, 60), st.binary(max_size=400))
def test_bytes_behind_the_start_of_a_valid_file_are_refused_in_one_way(file: bytes, kept: int, data: bytes) -> None:
    _check(file[:kept] + data)


@settings(max_examples=800)
@given(mutated_files())
def test_damaged_files_are_read_or_refused_in_one_way(data: bytes) -> None:
    _check(data)
