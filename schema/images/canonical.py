"""The one form in which the pipeline knows an image, and the steps towards it that all formats share."""

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema import contract

# What the decoders are known to raise on damaged input. RuntimeError is how pydicom says that a plug-in failed.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class UnreadableImageError(ValueError):
    """The bytes are not an image that can be used; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class ImageFacts:
    """What the header of a file says about the image; '' for what it does not say.

    Attributes:
        patient: a pseudonym, equal for equal identifiers. It is a hash without a key: where there are few identifiers
            to choose from (numbers of six digits, say), whoever tries them all finds the one behind it. So it keeps
            identifiers out of sight, but does not make data anonymous.
        view: of a mammogram: CC, MLO, ML and so on.
        side: left or right.
    """

    patient: str = ""
    view: str = ""
    side: str = ""


@dataclass(frozen=True)
class CanonicalImage:
    """An image as the pipeline sees it.

    Attributes:
        pixels: uint8, or uint16 for a source of more than 8 bits; (height, width) or (height, width, 3); the full
            range of the type; 0 is black.
        bit_depth: bits per channel in the source.
        facts: what the file's header says about it.
        png: a PNG file of exactly these pixels, without metadata, where the source gave one.
    """

    pixels: Pixels
    bit_depth: int
    facts: ImageFacts = field(default_factory=ImageFacts)
    png: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        return 1 if self.pixels.ndim == 2 else 3


@dataclass(frozen=True)
class Pages:
    """The images of one file.

    Attributes:
        count: how many there are, by the headers.
        images: decodes one when asked for it. Raises UnreadableImageError where one cannot be used.
    """

    count: int
    images: Iterator[CanonicalImage]


@contextmanager
def decoding(reason: Callable[[Exception], str]) -> Iterator[None]:
    """Raises UnreadableImageError, with a reason, in place of whatever a decoder raises; drops its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except UnreadableImageError:
            raise
        except _DECODER_ERRORS as error:
            raise UnreadableImageError(reason(error)) from None  # a traceback would quote the decoder's words


def check_size(width: int, height: int) -> None:
    """Raises UnreadableImageError for an image that is empty or has too many pixels."""
    if min(width, height) < 1:
        raise UnreadableImageError(f"the image has {width}x{height} pixels")
    if width * height > contract.MAXIMUM_PIXELS:
        raise UnreadableImageError(
            f"the image has {width}x{height} pixels, more than the limit of {contract.MAXIMUM_PIXELS}"
        )


def check_count(count: int) -> None:
    """Raises UnreadableImageError for a file with no page or too many."""
    if count < 1:
        raise UnreadableImageError("the file holds no image")
    if count > contract.MAXIMUM_PAGES:
        raise UnreadableImageError(f"the file holds more than {contract.MAXIMUM_PAGES} images")


def full_range(shares: NDArray[np.float64], bits: int) -> Pixels:
    """Shares of the full brightness, in [0, 1], as the nearest values of the type for so many bits."""
    if bits <= 8:
        return np.rint(shares * np.iinfo(np.uint8).max).astype(np.uint8)
    return np.rint(shares * np.iinfo(np.uint16).max).astype(np.uint16)


def look_up(table: Pixels, indices: NDArray[np.uint16]) -> Pixels:
    """The table's entries for an image of indices: of the image's shape, with the channels of the table behind it.

    Raises IndexError for an index behind the table's end.
    """
    found: Pixels = np.empty((*indices.shape, *table.shape[1:]), table.dtype)
    for row, row_indices in zip(found, indices, strict=True):  # numpy would make 8 bytes of every index at once
        row[...] = table[row_indices]
    return found


def grey_if_equal(colour: Pixels) -> Pixels:
    """(height, width) where all three channels of (height, width, 3) are equal, and the same array elsewhere."""
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red.copy()
    return colour
