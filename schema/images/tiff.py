"""TIFF files: one image for each page.

Grey and RGB pages of 10, 12, 14 and 16 bits are read by OpenCV, all others by Pillow.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema import contract
from schema.images import opencv
from schema.images.canonical import (
    CanonicalImage,
    Pages,
    Pixels,
    UnreadableImageError,
    check_count,
    check_size,
    full_range,
    grey_if_equal,
    look_up,
)
from schema.images.directories import Directory, directories
from schema.images.pillow import decoding_by_pillow, open_image, to_pixels

_SIGNATURES: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANES = 254, 256, 257, 258, 262, 277, 284
_TILE_WIDTH, _TILE_HEIGHT, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 338, 339
_REDUCED_OR_MASK: Final = 0b101  # of the bits of a subfile type: thumbnails, and masks of transparency
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB = 0, 1, 2  # photometric interpretations
_UNSIGNED: Final = 1  # the sample format
_DEEP_BITS: Final = (10, 12, 14, 16)
_DEEP_KINDS: Final = ((_MIN_IS_WHITE, 1), (_MIN_IS_BLACK, 1), (_RGB, 3), (_RGB, 4))  # with their numbers of samples
_TRANSPARENCY: Final = 2  # the kind of extra sample with which colours have not been multiplied


def is_tiff(data: bytes) -> bool:
    return data.startswith(_SIGNATURES)


def open_pages(data: bytes) -> Pages:
    """The pages of the file but thumbnails and masks. Raises UnreadableImageError for a file without one."""
    with decoding_by_pillow():
        # One more than may be, so that a file of too many is known from one of just enough.
        chain = islice(directories(data), contract.MAXIMUM_PAGES + 1)
        pages = [_Page(index, directory) for index, directory in enumerate(chain)]
    check_count(len(pages))
    images = [page for page in pages if not page.number(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK]
    check_count(len(images))
    for page in images:
        _check(page)
    return Pages(len(images), _read(data, images))


@dataclass(frozen=True)
class _Page:
    """Attributes: index: among all pages of the file; directory: its header."""

    index: int
    directory: Directory

    def number(self, tag: int, default: int) -> int:
        return (*self.directory.get(tag, ()), default)[0]

    def bits(self) -> int:
        return self.number(_BITS, 1)

    def is_negative(self) -> bool:
        return self.number(_PHOTOMETRIC, _MIN_IS_BLACK) == _MIN_IS_WHITE

    def is_deep(self) -> bool:
        """Whether Pillow would lose bits of it, or reads only some of its kind."""
        return (
            self.number(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED
            and self.bits() in _DEEP_BITS
            and (self.number(_PHOTOMETRIC, _MIN_IS_BLACK), self.number(_SAMPLES, 1)) in _DEEP_KINDS
        )


def _read(data: bytes, pages: Sequence[_Page]) -> Iterator[CanonicalImage]:
    for is_deep, group in groupby(pages, _Page.is_deep):
        yield from (_read_deep if is_deep else _read_by_pillow)(data, group)


def _read_by_pillow(data: bytes, pages: Iterable[_Page]) -> Iterator[CanonicalImage]:
    with decoding_by_pillow():
        file = open_image(data, ("TIFF",))
    for page in pages:
        with decoding_by_pillow():
            file.seek(page.index)
            pixels = to_pixels(file)
        yield CanonicalImage(pixels, min(page.bits(), 16))


def _read_deep(data: bytes, pages: Iterable[_Page]) -> Iterator[CanonicalImage]:
    for page in pages:
        with decoding_by_pillow():
            pixels = _to_pixels(opencv.decode_tiff(data, page.index), page)
        yield CanonicalImage(pixels, page.bits())


def _check(page: _Page) -> None:
    check_size(page.number(_WIDTH, 0), page.number(_HEIGHT, 0))
    check_size(page.number(_TILE_WIDTH, 1), page.number(_TILE_HEIGHT, 1))
    if 8 < page.bits() < 16 and page.bits() not in _DEEP_BITS:
        raise UnreadableImageError(f"TIFF files of {page.bits()} bits are not supported; convert to 8 or 16 bits")
    if page.bits() > 8 and page.number(_SAMPLES, 1) > 1 and page.number(_PLANES, 1) != 1:
        raise UnreadableImageError("colours in separate planes are supported with 8 bits alone")


def _to_pixels(stored: NDArray[np.uint16], page: _Page) -> Pixels:
    pixels = _stretched(stored, page.bits())
    if pixels.ndim == 2:
        return ~pixels if page.is_negative() else pixels
    has_alpha = page.number(_EXTRA_SAMPLES, _TRANSPARENCY) == _TRANSPARENCY
    return grey_if_equal(opencv.on_black(pixels if has_alpha else pixels[..., :3]))


def _stretched(stored: NDArray[np.uint16], bits: int) -> Pixels:
    """Over the full range what OpenCV leaves in the upper bits: the nearest values to v * 65535 / (2**bits - 1)."""
    if bits == 16:
        return stored
    return look_up(full_range(np.linspace(0, 1, 2**bits), bits), stored >> np.uint16(16 - bits))
