"""Reads image files into the canonical pixels and writes those as PNG.

The canonical form of an image is grey where its channels are equal and RGB otherwise, upright, without alpha,
palette or metadata, with 8 bits a channel (16 where a grey source has more than 8).
"""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from schema import contract

_PILLOW_FORMATS: Final = ("PNG", "JPEG", "BMP", "DIB", "PPM", "TIFF")
# What Pillow's decoders are known to raise on damaged input.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    AttributeError,
    struct.error,
    zlib.error,
)
_PNG_COMPRESSION: Final = 3  # half the time of the default for a few per cent more bytes
_PNG_HEADER: Final = b"IHDR"
_PNG_BIT_DEPTH_OFFSET: Final = 12  # from the header's name, past width and height

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class UnreadableImageError(ValueError):
    """The bytes are not an image that can be used; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class CanonicalImage:
    """An image as the pipeline sees it.

    Attributes:
        pixels: uint8, or uint16 for a grey source of more than 8 bits; (height, width) or (height, width, 3);
            the full range of the type.
        bit_depth: bits per channel in the source.
    """

    pixels: Pixels
    bit_depth: int

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        return 1 if self.pixels.ndim == 2 else 3

    def brightness(self) -> tuple[float, float]:
        """Mean and standard deviation of all values, in [0, 1]."""
        scaled = self.pixels / np.float64(np.iinfo(self.pixels.dtype).max)
        return float(scaled.mean()), float(scaled.std())


def read_image(data: bytes) -> CanonicalImage:
    """Decodes one encoded image. Raises UnreadableImageError, with the reason, for anything it cannot use."""
    if not data:
        raise UnreadableImageError("the file is empty (0 bytes)")
    if len(data) > contract.MAXIMUM_FILE_BYTES:
        raise UnreadableImageError(
            f"the file has {len(data)} bytes, more than the limit of {contract.MAXIMUM_FILE_BYTES}"
        )
    try:
        with Image.open(io.BytesIO(data), formats=_PILLOW_FORMATS) as image:
            _check_header(image)
            image.load()
            pixels = _to_pixels(ImageOps.exif_transpose(image))
            return CanonicalImage(~pixels if _is_negative(image) else pixels, _bit_depth(image, data))
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(
            f"the image has more pixels than the limit of {contract.MAXIMUM_PIXELS}"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImageError(
            "the content is not an image in a supported format (PNG, JPEG, BMP, PGM, PPM or TIFF)"
        ) from error
    except _DECODER_ERRORS as error:
        raise UnreadableImageError(f"the image is damaged or truncated ({error})") from error


def encode_png(pixels: Pixels) -> bytes:
    """Canonical pixels as PNG, without loss, metadata or anything else that differs between two calls."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=_PNG_COMPRESSION)
    return buffer.getvalue()


def _check_header(image: Image.Image) -> None:
    width, height = image.size
    if width * height > contract.MAXIMUM_PIXELS:
        raise UnreadableImageError(
            f"the image has {width}x{height} pixels, more than the limit of {contract.MAXIMUM_PIXELS}"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnreadableImageError(f"the file holds {frames} images; one a file is expected")


def _is_negative(image: Image.Image) -> bool:
    """Whether 0 still means white: Pillow inverts such TIFF files, but not those of 16 bits."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or not image.mode.startswith("I;16"):
        return False
    return bool(image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0)


def _bit_depth(image: Image.Image, data: bytes) -> int:
    if image.format == "PNG":
        return data[data.index(_PNG_HEADER) + _PNG_BIT_DEPTH_OFFSET]
    if image.mode == "1":
        return 1
    if image.mode.startswith("I"):
        return 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2[TiffImagePlugin.BITSPERSAMPLE][0])
    return 8


def _to_pixels(image: Image.Image) -> Pixels:
    if image.mode == "F":
        raise UnreadableImageError("floating-point pixels are not supported; convert to 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _to_uint16(np.asarray(image))
    return _grey_if_equal(np.asarray(_to_rgb(image)))


def _to_uint16(values: NDArray[np.generic]) -> NDArray[np.uint16]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise UnreadableImageError(f"pixel values from {low} to {high} do not fit into 16 bits")
    return values.astype(np.uint16)


def _to_rgb(image: Image.Image) -> Image.Image:
    if "A" in image.getbands() or "transparency" in image.info:
        # What lies outside an ultrasound sector or a film is black, so transparent pixels become black.
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), with_alpha).convert("RGB")
    return image.convert("RGB")


def _grey_if_equal(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)
    return rgb
