"""Small images that are the same on every machine, and files of them, some written byte by byte."""

import csv
import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's colour types
MIN_IS_WHITE, MIN_IS_BLACK, TIFF_RGB = 0, 1, 2  # TIFF's photometric interpretations
UNSIGNED, SIGNED, FLOATING = 1, 2, 3  # TIFF's sample formats

# How EXIF's orientations store an upright image: what is stored, from what is to be seen.
STORED_FROM_UPRIGHT = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.swapaxes(np.rot90(upright, 2), 0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
ORIENTATION_TAG = 0x0112


def noise(*shape: int, seed: int = 0, values: int = 256) -> NDArray[Any]:
    """Independent values from 0 to `values` - 1: uint8, or uint16 where there are more than 256."""
    drawn = np.random.default_rng(seed).integers(0, values, shape)
    return drawn.astype(np.uint8 if values <= 256 else np.uint16)


def blocks(*shape: int, seed: int = 0, side: int = 8) -> NDArray[np.uint8]:
    """Squares of one value each, the size of JPEG's blocks, so that compression changes them by next to nothing."""
    rows, columns, *channels = shape
    drawn = noise(rows // side, columns // side, *channels, seed=seed)
    return drawn.repeat(side, axis=0).repeat(side, axis=1)


def encode(pixels: NDArray[Any] | Image.Image, image_format: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_chunk_names(data: bytes) -> list[bytes]:
    names, position = [], len(PNG_SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        names.append(data[position + 4 : position + 8])
        position += 12 + length
    return names


def png(
    samples: NDArray[Any],
    bit_depth: int,
    colour_type: int,
    *,
    size: tuple[int, int] | None = None,
    first: bytes = b"",
    middle: bytes = b"",
) -> bytes:
    """A PNG file, written by hand.

    Args:
        samples: (height, width) or (height, width, channels), as they are stored.
        bit_depth: of each sample.
        colour_type: one of the constants above.
        size: width and height that the header claims; the true ones where absent.
        first: chunks before the header, which the specification forbids.
        middle: chunks between header and pixels.
    """
    width, height = size or (samples.shape[1], samples.shape[0])
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + _pack_row(row.reshape(-1), bit_depth) for row in samples)
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return PNG_SIGNATURE + first + png_chunk(b"IHDR", header) + middle + pixels + png_chunk(b"IEND", b"")


def _pack_row(samples: NDArray[Any], bit_depth: int) -> bytes:
    if bit_depth >= 8:
        return samples.astype(f">u{bit_depth // 8}").tobytes()
    bits = np.unpackbits(samples.astype(np.uint8)[:, None], axis=1)[:, -bit_depth:]
    return np.packbits(bits.reshape(-1)).tobytes()


def tiff(
    samples: NDArray[Any],
    *,
    photometric: int = MIN_IS_BLACK,
    sample_format: int = UNSIGNED,
    byte_order: str = "<",
    orientation: int = 1,
    size: tuple[int, int] | None = None,
) -> bytes:
    """An uncompressed TIFF file, written by hand.

    Args:
        samples: (height, width) or (height, width, channels), as they are stored.
        photometric, sample_format: constants above.
        byte_order: as in `struct`.
        orientation: as in EXIF.
        size: width and height that the header claims; the true ones where absent.
    """
    height, width, channels = (*samples.shape, 1)[:3]
    claimed_width, claimed_height = size or (width, height)
    stored = samples.astype(samples.dtype.newbyteorder(byte_order)).tobytes()
    bits = samples.dtype.itemsize * 8
    # Values of several samples do not fit into an entry; they follow the pixels.
    bits_offset = 8 + len(stored)
    directory_offset = bits_offset + 2 * channels
    short, long = 3, 4
    entries = [
        (256, long, 1, claimed_width),
        (257, long, 1, claimed_height),
        (258, short, channels, bits if channels == 1 else bits_offset),
        (259, short, 1, 1),
        (262, short, 1, photometric),
        (273, long, 1, 8),
        (ORIENTATION_TAG, short, 1, orientation),
        (277, short, 1, channels),
        (278, long, 1, claimed_height),
        (279, long, 1, len(stored)),
        (339, short, 1, sample_format),
    ]
    header = (b"II" if byte_order == "<" else b"MM") + struct.pack(f"{byte_order}HI", 42, directory_offset)
    all_bits = struct.pack(f"{byte_order}{channels}H", *[bits] * channels)
    directory = struct.pack(f"{byte_order}H", len(entries))
    for tag, kind, count, value in entries:
        inline = f"{byte_order}HHIH2x" if kind == short and count == 1 else f"{byte_order}HHII"
        directory += struct.pack(inline, tag, kind, count, value)
    return header + stored + all_bits + directory + struct.pack(f"{byte_order}I", 0)


def netpbm(samples: NDArray[Any], maximum: int) -> bytes:
    """A binary PGM (height, width) or PPM (height, width, 3) file."""
    kind = b"P5" if samples.ndim == 2 else b"P6"
    header = b"%s\n%d %d\n%d\n" % (kind, samples.shape[1], samples.shape[0], maximum)
    return header + samples.astype(">u2" if maximum > 255 else np.uint8).tobytes()


def exif_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif


def groups_csv(groups: Mapping[str, str]) -> str:
    """The text of `groups.csv`, from the group of each path."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("path", "group"), *groups.items()])
    return buffer.getvalue()


def write_files(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Writes files by their paths relative to a folder, and returns the folder."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return root
