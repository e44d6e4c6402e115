"""Damaged files of every kind, in a process of their own: each is read or refused in one way, and nothing leaks.

`python -m tests.unit.test_reader_fuzz SEED FILES` tries other files than the test does, and more of them.
"""

import faulthandler
import io
import logging
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom import uid

from schema.images.formats import UnreadableImageError, read_pages
from tests import images

MARKER: Final = "DOE^JANE-4711"
FILES: Final = 2_000
SECONDS_A_FILE: Final = 10
SPARE_MEMORY: Final = 2 * 1024**3  # for each file, beyond what the imports take

_HEIGHT, _WIDTH = 37, 40
_EXTREMES: Final = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    17,
    32,
    127,
    128,
    255,
    256,
    4095,
    32767,
    32768,
    65535,
    2**31,
    2**32 - 1,
)


def _png_with_marker(pixels: Any, **options: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", MARKER)
    return images.encode(pixels, "PNG", pnginfo=info, exif=_exif(), **options)


def _exif() -> Image.Exif:
    exif = images.exif_orientation(6)
    exif[0x010E] = MARKER
    return exif


def _tiff_with_marker(pixels: Any, **options: Any) -> bytes:
    return images.encode(pixels, "TIFF", description=MARKER, **options)


def _dicom(pixels: Any, **settings: Any) -> bytes:
    person = {"PatientName": MARKER, "PatientID": MARKER, "InstitutionName": MARKER, "ViewPosition": "MLO"}
    return images.dicom(pixels, **person, **settings)


def bases() -> Mapping[str, bytes]:
    """A valid file of each kind, by a name for it."""
    bit, grey, deep = (images.noise(_HEIGHT, _WIDTH, values=values) for values in (2, 256, 2**16))
    twelve = images.noise(_HEIGHT, _WIDTH, values=4096)
    rgb, deep_rgb = images.noise(_HEIGHT, _WIDTH, 3), images.noise(_HEIGHT, _WIDTH, 3, values=2**16)
    rgba = images.noise(_HEIGHT, _WIDTH, 4)
    signed = (twelve.astype(np.int32) - 2048).astype(np.int16)
    palette = Image.fromarray(rgb).quantize(16)
    cmyk = Image.fromarray(rgba, "CMYK")
    dicom_12 = _dicom(twelve, bits=12, WindowCenter=2000, WindowWidth=1500)
    dicom_8, dicom_rgb = _dicom(grey), _dicom(rgb, photometric="RGB")
    deep_tiff = cv2.imencode(".tiff", deep_rgb, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
    jpeg, jpeg_rgb = images.encode(grey, "JPEG"), images.encode(rgb, "JPEG")
    colours = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(256))))
    }
    tables = {
        "ModalityLUTSequence": [_with_type(images.lookup_table(range(4096), 0, 16))],
        "VOILUTSequence": [images.lookup_table(range(0, 4096), 0, 12)],
    }
    return {
        "png 1": images.png(bit, 1, images.GREY),
        "png 8": _png_with_marker(grey),
        "png 16": _png_with_marker(deep),
        "png rgb 16": images.png(deep_rgb, 16, images.RGB, middle=images.png_chunk(b"eXIf", _exif().tobytes()[6:])),
        "png rgba 16": images.png(images.noise(_HEIGHT, _WIDTH, 4, values=2**16), 16, images.RGB_ALPHA),
        "png palette": _png_with_marker(palette, transparency=3),
        "png alpha": _png_with_marker(rgba),
        "jpeg grey": images.encode(grey, "JPEG", exif=_exif(), comment=MARKER),
        "jpeg rgb": images.encode(rgb, "JPEG", exif=_exif()),
        "jpeg progressive": images.encode(rgb, "JPEG", progressive=True),
        "jpeg cmyk": images.encode(cmyk, "JPEG"),
        "bmp grey": images.encode(grey, "BMP"),
        "bmp rgb": images.encode(rgb, "BMP"),
        "pgm": images.netpbm(grey, 255),
        "pgm 16": images.netpbm(deep, 65535),
        "pgm plain": b"P2 # " + MARKER.encode() + b"\n3 2 255\n0 50 100\n150 200 255\n",
        "ppm": images.netpbm(rgb, 255),
        "tiff": images.tiff(grey),
        "tiff 12": images.tiff(twelve, bits=12),
        "tiff 16": images.tiff(deep, byte_order=">"),
        "tiff rgb 16": images.tiff(deep_rgb, photometric=images.TIFF_RGB, orientation=6),
        "tiff rgb 16 lzw": deep_tiff,
        "tiff lzw": _tiff_with_marker(grey, compression="tiff_lzw"),
        "tiff deflate": _tiff_with_marker(rgb, compression="tiff_adobe_deflate"),
        "tiff group 4": _tiff_with_marker(bit.astype(bool), compression="group4"),
        "tiff jpeg": _tiff_with_marker(rgb, compression="jpeg"),
        "tiff packbits": _tiff_with_marker(deep, compression="packbits"),
        "tiff pages": images.tiff_of_pages(*(images.TiffPage(grey) for _ in range(3))),
        "tiff compressed pages": _tiff_with_marker(
            Image.fromarray(grey), save_all=True, append_images=[Image.fromarray(rgb)], compression="tiff_lzw"
        ),
        "dicom 8": dicom_8,
        "dicom 12": dicom_12,
        "dicom 16": _dicom(deep),
        "dicom signed": _dicom(signed, bits=12, RescaleSlope=2, RescaleIntercept=-1000, PixelPaddingValue=-2048),
        "dicom monochrome1": _dicom(twelve, bits=12, photometric="MONOCHROME1", WindowCenter=2000, WindowWidth=500),
        "dicom implicit": _dicom(twelve, bits=12, syntax=uid.ImplicitVRLittleEndian, **tables),
        "dicom big endian": _dicom(twelve, bits=12, syntax=uid.ExplicitVRBigEndian),
        "dicom deflated": _dicom(twelve, bits=12, syntax=uid.DeflatedExplicitVRLittleEndian),
        "dicom tables": _dicom(twelve, bits=12, **tables),
        "dicom frames": _dicom(np.stack([grey, grey]), frames=2),
        "dicom palette": _dicom(grey, photometric="PALETTE COLOR", **colours),
        "dicom rgb": dicom_rgb,
        "dicom rle": _dicom(twelve, bits=12, syntax=uid.RLELossless),
        "dicom rle frames": _dicom(np.stack([deep, deep]), frames=2, syntax=uid.RLELossless),
        "dicom jpeg": _dicom(grey, syntax=uid.JPEGBaseline8Bit, encoded=[jpeg]),
        "dicom jpeg frames": _dicom(
            np.stack([rgb, rgb]),
            frames=2,
            photometric="YBR_FULL",
            syntax=uid.JPEGBaseline8Bit,
            encoded=[jpeg_rgb] * 2,
        ),
        "dicom jpeg 12": images.transcoded(dicom_12, uid.JPEGExtended12Bit),
        "dicom jpeg lossless": images.transcoded(dicom_12, uid.JPEGLosslessSV1),
        "dicom jpeg lossless 8": images.transcoded(dicom_8, uid.JPEGLossless),
        "dicom jpeg lossless rgb": images.transcoded(dicom_rgb, uid.JPEGLosslessSV1),
        "dicom jpeg-ls": images.transcoded(dicom_12, uid.JPEGLSLossless),
        "dicom jpeg-ls rgb": images.transcoded(dicom_rgb, uid.JPEGLSLossless),
        "dicom jpeg 2000": _dicom(twelve, bits=12, syntax=uid.JPEG2000Lossless),
        "dicom jpeg 2000 rgb": _dicom(rgb, photometric="RGB", syntax=uid.JPEG2000Lossless),
    }


def _with_type(item: Any) -> Any:
    item.ModalityLUTType = "US"
    return item


def _mutated(data: bytes, random: np.random.Generator) -> bytes:
    """A file changed in one to four places, most of them near its start, where the headers are."""
    damaged = bytearray(data)
    for _ in range(random.integers(1, 5)):
        change = _CHANGES[random.integers(len(_CHANGES))]
        reach = min(len(damaged), int(random.choice([64, 300, 1000, len(data)])))
        change(damaged, int(random.integers(max(reach, 1))), random)
    return bytes(damaged)


def _flip(data: bytearray, position: int, random: np.random.Generator) -> None:
    if position < len(data):
        data[position] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, position: int, random: np.random.Generator) -> None:
    new = random.bytes(int(random.integers(1, 9)))
    data[position : position + len(new)] = new


def _set_number(data: bytearray, position: int, random: np.random.Generator) -> None:
    """An extreme value in place of a number of two or four bytes."""
    size = int(random.choice([2, 4]))
    value = int(random.choice(_EXTREMES)) % 256**size
    data[position : position + size] = value.to_bytes(size, random.choice(["little", "big"]))


def _truncate(data: bytearray, position: int, random: np.random.Generator) -> None:
    del data[int(random.integers(len(data) + 1)) :]


def _insert(data: bytearray, position: int, random: np.random.Generator) -> None:
    data[position:position] = random.bytes(int(random.integers(1, 33)))


def _delete(data: bytearray, position: int, random: np.random.Generator) -> None:
    del data[position : position + int(random.integers(1, 33))]


def _swap(data: bytearray, position: int, random: np.random.Generator) -> None:
    """Two blocks change places."""
    length = int(random.integers(1, 33))
    other = int(random.integers(len(data) + 1))
    block, other_block = data[position : position + length], data[other : other + length]
    if len(block) == len(other_block):
        data[position : position + length], data[other : other + length] = other_block, block


# Cuts are rarer: what they leave is often refused for the cut alone.
_CHANGES: Final[tuple[Callable[[bytearray, int, np.random.Generator], None], ...]] = (
    _flip,
    _flip,
    _overwrite,
    _overwrite,
    _set_number,
    _set_number,
    _set_number,
    _insert,
    _delete,
    _swap,
    _truncate,
)


def fuzz(seed: int, files: int) -> tuple[int, int]:
    """How many of so many damaged files are read, and how many are refused. Raises for anything else."""
    originals = list(bases().items())
    random = np.random.default_rng(seed)
    log = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(log))
    read = 0
    for number in range(files):
        name, original = originals[number % len(originals)]
        data = _mutated(original, random)
        started = time.monotonic()
        read += _is_read(data, f"{name}, file {number}")
        assert time.monotonic() - started < SECONDS_A_FILE, f"{name}, file {number} takes too long"
    assert MARKER not in log.getvalue()
    return read, files - read


def _is_read(data: bytes, name: str) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for image in read_pages(data):
                assert image.pixels.dtype in (np.uint8, np.uint16), name
                assert image.pixels.ndim == 2 or image.pixels.shape[2:] == (3,), name
                assert 1 <= image.bit_depth <= 16, name
                assert MARKER not in repr(image.facts), name
        except UnreadableImageError as error:
            assert str(error), name
            assert MARKER not in str(error), name
            return False
        finally:
            assert not caught, f"{name}: {[str(warning.message) for warning in caught]}"
    return True


def test_the_files_to_be_damaged_are_valid() -> None:
    for name, data in bases().items():
        for image in read_pages(data):
            assert sorted((image.height, image.width)) in ([_HEIGHT, _WIDTH], [2, 3]), name


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_in_one_way_and_leak_nothing() -> None:
    command = [sys.executable, "-m", "tests.unit.test_reader_fuzz", "1", str(FILES)]

    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert finished.returncode == 0, finished.stderr
    assert MARKER not in finished.stdout + finished.stderr
    read, refused = map(int, finished.stdout.split())
    assert read + refused == FILES
    assert min(read, refused) > FILES // 10


def _main(seed: int, files: int) -> None:
    faulthandler.enable()
    list(read_pages(bases()["dicom 8"]))  # imports all
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(*fuzz(seed, files))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
