"""Pixels of more than 8 bits, of which Pillow loses some or cannot read the kind: read and written by OpenCV."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schema.images.canonical import Pixels, UnreadableImageError

_DAMAGED: Final = "the image is damaged or truncated (more than 8 bits)"


def decode_png(data: bytes) -> NDArray[np.uint16]:
    """A PNG file of 16 bits with colour or alpha as uint16 (height, width, 3), as it is stored, on black.

    Raises UnreadableImageError for a damaged file.
    """
    with _opencv() as cv2:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise UnreadableImageError(_DAMAGED)
    return on_black(_to_rgb(decoded))


def decode_tiff(data: bytes, index: int) -> NDArray[np.uint16]:
    """A page of more than 8 bits, upright: uint16 (height, width), (height, width, 3) or (height, width, 4).

    Values of 10, 12 and 14 bits are in the upper bits. Raises UnreadableImageError for a damaged file.
    """
    with _opencv() as cv2:
        _, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(index, index + 1))
    if len(pages) != 1 or pages[0].dtype != np.uint16:
        raise UnreadableImageError(_DAMAGED)
    return _to_rgb(pages[0]) if pages[0].ndim == 3 else pages[0]


def encode_png(pixels: Pixels) -> bytes:
    """uint8 or uint16, (height, width) or (height, width, 3), as PNG.

    Of filtered pixels zlib looks for runs only: on ultrasound, film and tissue alike that makes smaller files in half
    the time of its usual strategy.
    """
    import cv2

    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    _, encoded = cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels, options)
    return encoded.tobytes()


def on_black(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """uint16 (height, width, 3) from the same or from (height, width, 4), whose transparent pixels become black."""
    colour, alpha = pixels[..., :3].copy(), pixels[..., 3:]
    if alpha.size:
        for row, opacity in zip(colour, alpha.astype(np.uint32), strict=True):
            row[:] = (row * opacity + 32767) // 65535  # fits: the largest sum is just below 2**32
    return colour


def _to_rgb(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """From OpenCV's order of channels."""
    return pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]


@contextmanager
def _opencv() -> Iterator[Any]:
    """OpenCV, which few files need, without what it prints; its errors become UnreadableImageError."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield cv2
    except cv2.error:
        raise UnreadableImageError(_DAMAGED) from None
