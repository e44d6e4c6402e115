"""The directories of a TIFF file, which are those of EXIF data too.

Decoders read every value that a directory points to, and a small file can point to the same bytes thousands of times.
So a directory is measured here before a decoder sees it.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schema.images.canonical import UnreadableImageError

Directory = Mapping[int, tuple[int, ...]]

_EXIF_START: Final = b"Exif\0\0"
_BYTE_ORDERS: Final = {b"II": "<", b"MM": ">"}
_BIG: Final = 43  # the version of BigTIFF; TIFF's is 42
_SIZES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_VALUES_KEPT: Final = 4  # of an entry: as many as an image has channels
_NESTED: Final = (34665, 34853, 40965)  # entries that point to EXIF's own directories


@dataclass(frozen=True)
class _Layout:
    """How a kind of file writes its numbers, each a format of `struct`."""

    offset: str
    first_offset: int
    count: str
    entry: str


def directories(data: bytes) -> Iterator[Directory]:
    """The integers of each directory of the chain by tag, at most four of an entry; what is cut off is left out.

    Raises:
        UnreadableImageError: a directory claims more bytes than there are.
        KeyError, struct.error: the data do not start as TIFF's do.
    """
    layout = _layout(data)
    (offset,) = struct.unpack_from(layout.offset, data, layout.first_offset)
    seen: set[int] = set()
    while 0 < offset < len(data) and offset not in seen:
        seen.add(offset)
        directory, following = _read(data, offset, layout)
        for nested in _nested(data, directory, layout):
            _nested(data, nested, layout)
        yield directory
        offset = following


def check_exif(exif: bytes) -> None:
    """Raises UnreadableImageError for EXIF data in which a directory claims more bytes than there are."""
    data = exif.removeprefix(_EXIF_START)
    if data[:2] in _BYTE_ORDERS and len(data) >= 16:
        for _ in directories(data):
            pass


def _layout(data: bytes) -> _Layout:
    order = _BYTE_ORDERS[data[:2]]
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version == _BIG:
        return _Layout(f"{order}Q", 8, f"{order}Q", f"{order}HHQ8s")
    return _Layout(f"{order}I", 4, f"{order}H", f"{order}HHI4s")


def _read(data: bytes, offset: int, layout: _Layout) -> tuple[Directory, int]:
    """The directory at an offset, and the offset of the next one (0 behind the last)."""
    start, step = offset + struct.calcsize(layout.count), struct.calcsize(layout.entry)
    if start > len(data):
        return {}, 0
    (count,) = struct.unpack_from(layout.count, data, offset)
    present = min(count, (len(data) - start) // step)
    end = start + present * step
    entries = list(struct.iter_unpack(layout.entry, data[start:end]))
    if sum(number * _SIZES.get(kind, 0) for _, kind, number, _ in entries) > len(data):
        raise UnreadableImageError("the image is damaged (a directory claims more bytes than the file has)")
    directory = {tag: _values(data, kind, number, field, layout) for tag, kind, number, field in entries}
    whole = present == count and end + struct.calcsize(layout.offset) <= len(data)
    return directory, struct.unpack_from(layout.offset, data, end)[0] if whole else 0


def _values(data: bytes, kind: int, number: int, field: bytes, layout: _Layout) -> tuple[int, ...]:
    if kind not in _INTEGERS:
        return ()
    order, kept = layout.offset[0], min(number, _VALUES_KEPT)
    if number * _SIZES[kind] <= len(field):
        return struct.unpack_from(f"{order}{kept}{_INTEGERS[kind]}", field)
    (offset,) = struct.unpack(layout.offset, field)
    if offset + kept * _SIZES[kind] > len(data):
        return ()
    return struct.unpack_from(f"{order}{kept}{_INTEGERS[kind]}", data, offset)


def _nested(data: bytes, directory: Directory, layout: _Layout) -> list[Directory]:
    """The directories that entries point to. Reading them is what measures them."""
    offsets = [offset for tag in _NESTED for offset in directory.get(tag, ())[:1]]
    return [_read(data, offset, layout)[0] for offset in offsets if offset < len(data)]
