"""PNG files whose own encoding can be kept: stripped of metadata, without being encoded anew."""

import struct
import zlib
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = struct.Struct(">IIBBBBB")  # width, height, bit depth, colour type, compression, filter, interlace
_CHANNELS: Final = {0: 1, 2: 3}  # by colour type: grey and RGB, which have neither palette nor alpha
_BIT_DEPTHS: Final = (8, 16)
_TRANSPARENCY: Final = b"tRNS"  # the only further chunk that changes the pixels of such a file
_LENGTH_AND_NAME: Final = struct.Struct(">I4s")
_CHECKSUM: Final = struct.Struct(">I")
_LAST_FILTER: Final = 4


def without_metadata(data: bytes) -> bytes | None:
    """The file reduced to header, pixels and end, if any reader of PNG makes the same pixels of that.

    So it is for grey and RGB of 8 and 16 bits, neither interlaced nor transparent, with sound checksums, and with
    nothing behind the pixels in their compressed stream. None for any other content.

    Args:
        data: a file that has been decoded, so that its size is known to be bearable.
    """
    chunks = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1] != (b"IEND", b""):
        return None
    names = [name for name, _ in chunks]
    if names.count(b"IHDR") != 1 or names.count(b"IEND") != 1 or _TRANSPARENCY in names:
        return None
    header, pixels = chunks[0][1], b"".join(content for name, content in chunks if name == b"IDAT")
    if not _is_plain(header, pixels):
        return None
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents up to the end chunk; none for a file that is damaged anywhere."""
    chunks: list[tuple[bytes, bytes]] = []
    if not data.startswith(_SIGNATURE):
        return []
    position = len(_SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        if position + _LENGTH_AND_NAME.size > len(data):
            return []
        length, name = _LENGTH_AND_NAME.unpack_from(data, position)
        start = position + _LENGTH_AND_NAME.size
        position = start + length + _CHECKSUM.size
        if position > len(data):
            return []
        content = data[start : start + length]
        if _chunk(name, content)[-_CHECKSUM.size :] != data[start + length : position]:
            return []
        chunks.append((name, content))
    return chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return _LENGTH_AND_NAME.pack(len(content), name) + content + _CHECKSUM.pack(checksum)


def _is_plain(header: bytes, pixels: bytes) -> bool:
    if len(header) != _HEADER.size:
        return False
    width, height, bit_depth, colour, compression, filtering, interlace = _HEADER.unpack(header)
    if colour not in _CHANNELS or bit_depth not in _BIT_DEPTHS or (compression, filtering, interlace) != (0, 0, 0):
        return False
    row = 1 + width * _CHANNELS[colour] * bit_depth // 8  # the first byte of each row is its filter
    stream = zlib.decompressobj()
    try:
        rows = stream.decompress(pixels, row * height + 1)
    except zlib.error:
        return False
    whole = stream.eof and not stream.unused_data and len(rows) == row * height
    return whole and max(rows[::row], default=0) <= _LAST_FILTER
