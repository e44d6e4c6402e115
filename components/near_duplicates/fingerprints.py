"""What is kept of an image for the search: a small grey picture and the shape of the original."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE: Final = 56  # height and width of the picture; the aspect ratio is dropped, and kept beside it
FINGERPRINT_LENGTH: Final = SIDE**2 + 2

_ASPECT: Final = SIDE**2  # position of the aspect ratio, on a logarithmic scale
_STRUCTURE: Final = SIDE**2 + 1  # position of: 0 for an image of one colour, 1 for any other
_ASPECT_STEPS: Final = 48.0  # for each doubling: the aspect ratio is right within 0.8 %
_ASPECT_ZERO: Final = 128.0  # the code of a square
_GREY: Final = np.full(3, 1 / 3, np.float32)
_NO_RANGE: Final = 1e-3  # grey levels; below it rounding is all there is: a fine checkerboard shrinks to plain grey


def fingerprint(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Shrinks an image to a grey picture.

    Args:
        pixels: (height, width) or (height, width, 3), at least 1 x 1.

    Returns:
        (FINGERPRINT_LENGTH,) uint8: the picture, from its darkest (0) to its brightest (255) pixel, row by
        row; the aspect ratio; whether the image has structure. All zeros for an image of one colour.
    """
    code = np.zeros(FINGERPRINT_LENGTH, np.uint8)
    if _is_one_colour(pixels):
        return code
    picture = cv2.resize(pixels.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if picture.ndim == 3:
        picture = picture @ _GREY  # ten times as fast as a mean
    darkest, brightest = float(picture.min()), float(picture.max())
    scale = 255.0 / max(brightest - darkest, _NO_RANGE)
    height, width = pixels.shape[:2]
    aspect = _ASPECT_ZERO + _ASPECT_STEPS * np.log2(height / width)
    code[:_ASPECT] = np.rint((picture - darkest) * scale).ravel()
    code[_ASPECT] = np.clip(np.rint(aspect), 0, 255)
    code[_STRUCTURE] = 1
    return code


def pictures(fingerprints: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, FINGERPRINT_LENGTH) -> (n, SIDE, SIDE), 0 to 1."""
    return fingerprints[:, :_ASPECT].reshape(-1, SIDE, SIDE).astype(np.float32) / 255.0


def aspects(fingerprints: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, FINGERPRINT_LENGTH) -> (n,): height / width of the images."""
    return np.exp2((fingerprints[:, _ASPECT].astype(np.float64) - _ASPECT_ZERO) / _ASPECT_STEPS)


def has_structure(fingerprints: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n, FINGERPRINT_LENGTH) -> (n,): False for images of one colour."""
    return fingerprints[:, _STRUCTURE] > 0


def _is_one_colour(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bool:
    return bool((pixels[0] == pixels[0, 0]).all() and (pixels[1:] == pixels[:-1]).all())
