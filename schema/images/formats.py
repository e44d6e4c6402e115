"""Reads image files into the canonical pixels and writes those as PNG.

The canonical form of an image is grey where its channels are equal and RGB otherwise, upright, without alpha,
palette or metadata, with 8 bits a channel (16 where the source has more than 8).
"""

from collections.abc import Iterator
from typing import Final

from schema import contract
from schema.images import opencv, raster, tiff
from schema.images.canonical import CanonicalImage, ImageFacts, Pages, Pixels, UnreadableImageError

__all__ = [
    "CanonicalImage",
    "ImageFacts",
    "Pixels",
    "UnreadableImageError",
    "encode_image",
    "encode_png",
    "read_image",
    "read_pages",
]

_DICOM_SIGNATURE: Final = b"DICM"
_DICOM_SIGNATURE_AT: Final = slice(128, 132)


def read_pages(data: bytes) -> Iterator[CanonicalImage]:
    """Decodes the images of one file, each when it is asked for: pages of a TIFF file, frames of a DICOM file.

    Thumbnails and masks within a TIFF file are left out. Raises UnreadableImageError, with the reason, at the first
    image or at a later one, for anything it cannot use.
    """
    yield from _open(data).images


def read_image(data: bytes) -> CanonicalImage:
    """Decodes a file that holds one image.

    Raises UnreadableImageError, with the reason, for anything it cannot use, and for a file of several images.
    """
    pages = _open(data)
    if pages.count > 1:
        raise UnreadableImageError(f"the file holds {pages.count} images; one is expected here")
    return next(pages.images)


def encode_image(image: CanonicalImage) -> bytes:
    """A canonical image as PNG, without loss or metadata: the source's own encoding where that is plain PNG."""
    return image.png or encode_png(image.pixels)


def encode_png(pixels: Pixels) -> bytes:
    """Canonical pixels as PNG, without loss, metadata or anything else that differs between two calls.

    Args:
        pixels: uint8 or uint16, (height, width) or (height, width, 3).
    """
    return opencv.encode_png(pixels)


def _open(data: bytes) -> Pages:
    if not data:
        raise UnreadableImageError("the file is empty (0 bytes)")
    if len(data) > contract.MAXIMUM_FILE_BYTES:
        raise UnreadableImageError(
            f"the file has {len(data)} bytes, more than the limit of {contract.MAXIMUM_FILE_BYTES}"
        )
    if data[_DICOM_SIGNATURE_AT] == _DICOM_SIGNATURE:
        from schema.images.dicom.frames import open_pages  # pydicom and its plug-ins take a while to import

        return open_pages(data)
    if tiff.is_tiff(data):
        return tiff.open_pages(data)
    return raster.open_pages(data)
