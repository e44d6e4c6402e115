"""From a DICOM file to its frames as canonical images."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder

from schema.images.canonical import (
    CanonicalImage,
    Pages,
    Pixels,
    UnreadableImageError,
    decoding,
    full_range,
    grey_if_equal,
    look_up,
)
from schema.images.dicom import gdcm_plugin
from schema.images.dicom.codestreams import check_frame
from schema.images.dicom.facts import image_facts
from schema.images.dicom.header import PALETTE_COLOR, Header, read_header
from schema.images.dicom.tables import grey_table, palette_table

# One decoder for each transfer syntax; which one it is decides what a damaged file can do to the process.
_PLUGINS: Final = {
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    **dict.fromkeys(gdcm_plugin.DECODER_DEPENDENCIES, gdcm_plugin.NAME),
    **dict.fromkeys(uid.JPEG2000TransferSyntaxes, "pylibjpeg"),
}


def open_pages(data: bytes) -> Pages:
    """The frames of the file. Raises UnreadableImageError, never quoting the header, for what cannot be used."""
    with _decoding():
        header = read_header(data)
        if header.syntax.is_encapsulated:
            for frame in generate_frames(header.dataset.PixelData, number_of_frames=header.frames):
                check_frame(frame, header)
    return Pages(header.frames, _read(header))


def _decoding() -> AbstractContextManager[None]:
    return decoding(lambda error: "the DICOM file is damaged or truncated")


def _read(header: Header) -> Iterator[CanonicalImage]:
    with _decoding():
        facts = image_facts(header.dataset)
    frames = _decoded_frames(header)
    for number in range(header.frames):
        with _decoding():
            image = CanonicalImage(_to_pixels(next(frames), header, number), header.bits_stored, facts)
        yield image


def _decoded_frames(header: Header) -> Iterator[NDArray[Any]]:
    """Stored values (rows, columns) or colours (rows, columns, 3)."""
    gdcm_plugin.register()
    plugin = _PLUGINS.get(header.syntax, "")
    arrays = get_decoder(header.syntax).iter_array(header.dataset, decoding_plugin=plugin)
    for array, _ in arrays:
        if array.shape[:2] != (header.rows, header.columns):
            raise UnreadableImageError("the DICOM file is damaged or truncated")
        yield array
    raise UnreadableImageError("the DICOM file holds fewer frames than its header says")


def _to_pixels(array: NDArray[Any], header: Header, number: int) -> Pixels:
    # Of a negative value, the pattern of its bits; as many of them as are stored.
    patterns = array.astype(np.uint16) & np.uint16(2**header.bits_stored - 1)
    if header.photometric == PALETTE_COLOR:
        return grey_if_equal(look_up(palette_table(header), patterns))
    if header.samples == 1:
        return look_up(grey_table(header, number), patterns)
    table = full_range(np.linspace(0, 1, 2**header.bits_stored), header.bits_stored)
    return grey_if_equal(look_up(table, patterns))
