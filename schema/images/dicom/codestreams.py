"""The header of a compressed frame, which must say what the DICOM header says.

Decoders allocate memory by the former, and write where the latter left room.
"""

import struct
from dataclasses import dataclass
from typing import Final

from pydicom import uid

from schema.images.canonical import UnreadableImageError
from schema.images.dicom.header import Header
from schema.images.jpeg import check_jpeg

_JPEG_START: Final = b"\xff\xd8"
_JPEG_FRAME_HEADERS: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # 0xF7 is that of JPEG-LS
_JPEG2000_START: Final = b"\xff\x4f\xff\x51"
_RLE_HEADER_LENGTH: Final = 64


@dataclass(frozen=True)
class _Shape:
    rows: int
    columns: int
    samples: int
    bits: int


def check_frame(frame: bytes, header: Header) -> None:
    """Raises UnreadableImageError for a compressed frame that is not one of the header's shape.

    Raises struct.error or IndexError for one that ends before its own header does.
    """
    if header.syntax == uid.RLELossless:
        _check_rle(frame, header)
        return
    check_jpeg(frame)
    shape = _jpeg2000_shape(frame) if header.syntax in uid.JPEG2000TransferSyntaxes else _jpeg_shape(frame)
    if (shape.rows, shape.columns, shape.samples) != (header.rows, header.columns, header.samples):
        raise UnreadableImageError("a compressed frame has another size than the DICOM header says")
    if not 1 <= shape.bits <= header.bits_allocated:
        raise UnreadableImageError("a compressed frame has more bits than the DICOM header says")


def _check_rle(frame: bytes, header: Header) -> None:
    """RLE has no shape of its own, but is never much longer than what it stands for."""
    length = header.rows * header.columns * header.samples * header.bits_allocated // 8
    if len(frame) > _RLE_HEADER_LENGTH + 2 * length + 16:
        raise UnreadableImageError("a compressed frame is longer than an uncompressed one")


def _jpeg_shape(frame: bytes) -> _Shape:
    if not frame.startswith(_JPEG_START):
        raise UnreadableImageError("a compressed frame is not of the DICOM file's transfer syntax")
    position = len(_JPEG_START)
    while frame[position] == 0xFF:
        marker, length = struct.unpack_from(">BH", frame, position + 1)
        if marker in _JPEG_FRAME_HEADERS:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, position + 4)
            return _Shape(rows, columns, samples, bits)
        position += 1 if marker == 0xFF else 2 + length  # any number of 0xFF may precede a marker
    raise UnreadableImageError("a compressed frame is damaged")


def _jpeg2000_shape(frame: bytes) -> _Shape:
    if not frame.startswith(_JPEG2000_START):
        raise UnreadableImageError("a compressed frame is not of the DICOM file's transfer syntax")
    right, bottom, left, top = struct.unpack_from(">IIII", frame, 8)
    (samples,) = struct.unpack_from(">H", frame, 40)
    components = [struct.unpack_from(">BBB", frame, 42 + 3 * sample) for sample in range(samples)]
    if any((across, down) != (1, 1) for _, across, down in components):
        raise UnreadableImageError("a compressed frame has channels of several sizes")
    return _Shape(bottom - top, right - left, samples, max(depth & 0x7F for depth, _, _ in components) + 1)
