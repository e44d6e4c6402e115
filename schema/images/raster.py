"""PNG, JPEG, BMP, PGM and PPM files: one image each."""

from collections.abc import Iterator
from typing import Final

from PIL import Image

from schema.images import opencv, png
from schema.images.canonical import CanonicalImage, Pages, Pixels, UnreadableImageError, check_size, grey_if_equal
from schema.images.jpeg import check_jpeg
from schema.images.pillow import decoding_by_pillow, is_stored_upright, open_image, to_pixels, upright

_FORMATS: Final = ("PNG", "JPEG", "BMP", "DIB", "PPM")
_PNG_HEADER: Final = b"IHDR"
_PNG_BIT_DEPTH_OFFSET: Final = 12  # from the header's name, past width and height


def open_pages(data: bytes) -> Pages:
    """The one image of the file. Raises UnreadableImageError for any other content, and for an animation."""
    with decoding_by_pillow():
        check_jpeg(data)
        image = open_image(data, _FORMATS)
        check_size(*image.size)
        frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UnreadableImageError(f"the file holds {frames} images; one is expected here")
    return Pages(1, _read(image, data))


def _read(image: Image.Image, data: bytes) -> Iterator[CanonicalImage]:
    with decoding_by_pillow():
        bit_depth = _bit_depth(image, data)
        pixels = _to_pixels(image, data)
        own = _own_encoding(image, data, pixels)
    yield CanonicalImage(pixels, bit_depth, png=own)


def _own_encoding(image: Image.Image, data: bytes, pixels: Pixels) -> bytes | None:
    """The file's own encoding, where its pixels are canonical as they are stored."""
    if image.format != "PNG" or not is_stored_upright(image) or (pixels.ndim == 3) != (image.mode == "RGB"):
        return None
    return png.without_metadata(data)


def _to_pixels(image: Image.Image, data: bytes) -> Pixels:
    if image.format != "PNG" or _bit_depth(image, data) < 16 or image.mode.startswith("I"):
        return to_pixels(image)
    image.load()  # Pillow has good words for what is damaged, and reads the EXIF data behind the pixels
    return upright(grey_if_equal(opencv.decode_png(data)), image)


def _bit_depth(image: Image.Image, data: bytes) -> int:
    if image.format == "PNG":
        return data[data.index(_PNG_HEADER) + _PNG_BIT_DEPTH_OFFSET]
    if image.mode == "1":
        return 1
    return 16 if image.mode.startswith("I") else 8
