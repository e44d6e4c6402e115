"""Decoding by Pillow, which reads all formats but DICOM."""

import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from schema import contract
from schema.images.canonical import Pixels, UnreadableImageError, check_size, decoding, grey_if_equal
from schema.images.directories import check_exif

_SUPPORTED: Final = "PNG, JPEG, BMP, PGM, PPM, TIFF or DICOM"

# By EXIF's orientation.
_UPRIGHT_FROM_STORED: Final[Mapping[int, Callable[[Pixels], Pixels]]] = {
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.swapaxes(np.rot90(stored, 2), 0, 1),
    8: np.rot90,
}


def decoding_by_pillow() -> AbstractContextManager[None]:
    """Raises UnreadableImageError in place of what Pillow raises for a damaged image."""
    return decoding(lambda error: f"the image is damaged or truncated ({error})")


def open_image(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """A file of which the header alone has been read. Raises UnreadableImageError where it is none of the formats."""
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(
            f"the image has more pixels than the limit of {contract.MAXIMUM_PIXELS}"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImageError(f"the content is not an image in a supported format ({_SUPPORTED})") from error


def to_pixels(image: Image.Image) -> Pixels:
    """The canonical pixels of the image at which a file stands, upright; with 16 bits where Pillow keeps them.

    Raises UnreadableImageError for a kind or range of values that has no canonical form.
    """
    check_size(*image.size)
    image.load()
    if image.mode == "F":
        raise UnreadableImageError("floating-point pixels are not supported; convert to 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return upright(_to_uint16(np.asarray(image)), image)
    if image.mode == "L" and "transparency" not in image.info:
        return upright(np.asarray(image), image)  # as the detour through colour would make it, in half the time
    return upright(grey_if_equal(np.asarray(_to_rgb(image))), image)


def upright(pixels: Pixels, image: Image.Image) -> Pixels:
    """Pixels of a loaded image as they are stored, turned as its EXIF data say."""
    check_exif(_exif(image))
    turn = _UPRIGHT_FROM_STORED.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return turn(pixels).copy() if turn else pixels


def is_stored_upright(image: Image.Image) -> bool:
    """Whether the EXIF data of a loaded image ask for no turn."""
    return image.getexif().get(ExifTags.Base.Orientation, 1) not in _UPRIGHT_FROM_STORED


def _exif(image: Image.Image) -> bytes:
    if "exif" in image.info:
        return bytes(image.info["exif"])
    profile = image.info.get("Raw profile type exif", "")  # how ImageMagick keeps them in PNG: three lines, then hex
    return bytes.fromhex("".join(profile.split("\n")[3:]))


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
