"""What a JPEG file says besides its pixels, measured before a decoder reads it."""

import struct
from typing import Final

from PIL import JpegImagePlugin

from schema.images.directories import check_exif

_START: Final = b"\xff\xd8"
_APP1, _APP2, _START_OF_SCAN, _PADDED = 0xFFE1, 0xFFE2, 0xFFDA, 0xFFFF
_EXIF: Final = b"Exif\0\0"
_SEVERAL_PICTURES: Final = b"MPF\0"


def check_jpeg(data: bytes) -> None:
    """Raises UnreadableImageError for a JPEG file whose EXIF data claim more than there is; passes all other bytes.

    Segments are found as Pillow finds them, which puts several EXIF segments together.
    """
    exif, position = b"", len(_START)
    while data.startswith(_START) and 0 <= (position := data.find(b"\xff", position)) <= len(data) - 4:
        marker, length = struct.unpack_from(">HH", data, position)
        segment = data[position + 4 : position + 2 + length]
        if marker == _APP1 and segment.startswith(_EXIF):
            exif += segment.removeprefix(_EXIF)
        elif marker == _APP2 and segment.startswith(_SEVERAL_PICTURES):
            check_exif(segment.removeprefix(_SEVERAL_PICTURES))
        elif marker == _START_OF_SCAN:
            break
        position += _step(marker, length)
    check_exif(exif)


def _step(marker: int, length: int) -> int:
    """How far the next marker is from this one, at least."""
    if marker == _PADDED:
        return 1
    _, _, handler = JpegImagePlugin.MARKER.get(marker, ("", "", None))
    return 2 + max(length, 2) if handler else 2
