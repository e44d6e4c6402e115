"""Small images that are the same on every machine, and files of them, some written byte by byte."""

import csv
import io
import struct
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

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
    if bit_depth in (8, 16):
        return samples.astype(f">u{bit_depth // 8}").tobytes()
    bits = np.unpackbits(samples.astype(">u2").view(np.uint8)).reshape(-1, 16)[:, -bit_depth:]
    return np.packbits(bits.reshape(-1)).tobytes()


def tiff(samples: NDArray[Any], *, byte_order: str = "<", **settings: Any) -> bytes:
    """An uncompressed TIFF file of one page, written by hand; the settings are those of `TiffPage`."""
    return tiff_of_pages(TiffPage(samples, **settings), byte_order=byte_order)


@dataclass(frozen=True)
class TiffPage:
    """A page of a TIFF file.

    Attributes:
        samples: (height, width) or (height, width, channels), as they are stored.
        photometric, sample_format: constants above.
        orientation: as in EXIF.
        size: width and height that the header claims; the true ones where absent.
        bits: of each sample; those of its type where absent. Fewer than 16 are packed.
        subfile_type: bit 0 for a thumbnail, bit 2 for a mask of transparency.
        planes: 1 for channels side by side, 2 for one after the other.
        extra_samples: the meaning of a fourth channel.
    """

    samples: NDArray[Any]
    photometric: int = MIN_IS_BLACK
    sample_format: int = UNSIGNED
    orientation: int = 1
    size: tuple[int, int] | None = None
    bits: int | None = None
    subfile_type: int = 0
    planes: int = 1
    extra_samples: int | None = None


def tiff_of_pages(*pages: TiffPage, byte_order: str = "<") -> bytes:
    """An uncompressed TIFF file, written by hand; `byte_order` is as in `struct`."""
    data = (b"II" if byte_order == "<" else b"MM") + struct.pack(f"{byte_order}HI", 42, 0)
    link = len(data) - 4  # where the offset of the next directory belongs
    for page in pages:
        pixels_at = len(data)
        pixels = _tiff_pixels(page, byte_order)
        channels = (*page.samples.shape, 1)[2]
        bits = page.bits or page.samples.dtype.itemsize * 8
        bits_at = pixels_at + len(pixels)
        data += pixels + struct.pack(f"{byte_order}{channels}H", *[bits] * channels)
        directory_at = len(data)
        data += _tiff_directory(page, byte_order, pixels_at, len(pixels), bits if channels == 1 else bits_at)
        data = data[:link] + struct.pack(f"{byte_order}I", directory_at) + data[link + 4 :]
        link = len(data) - 4
    return data


def _tiff_pixels(page: TiffPage, byte_order: str) -> bytes:
    samples = page.samples if page.planes == 1 else page.samples.transpose(2, 0, 1)
    if page.bits and page.bits < 16:
        pixels = b"".join(_pack_row(row.reshape(-1), page.bits) for row in samples)
    else:
        pixels = samples.astype(samples.dtype.newbyteorder(byte_order)).tobytes()
    return pixels + bytes(len(pixels) % 2)


def _tiff_directory(page: TiffPage, byte_order: str, pixels_at: int, length: int, bits: int) -> bytes:
    height, width, channels = (*page.samples.shape, 1)[:3]
    claimed_width, claimed_height = page.size or (width, height)
    short, long = 3, 4
    entries = [
        (254, long, 1, page.subfile_type),
        (256, long, 1, claimed_width),
        (257, long, 1, claimed_height),
        (258, short, channels, bits),
        (259, short, 1, 1),
        (262, short, 1, page.photometric),
        (273, long, 1, pixels_at),
        (ORIENTATION_TAG, short, 1, page.orientation),
        (277, short, 1, channels),
        (278, long, 1, claimed_height),
        (279, long, 1, length),
        (284, short, 1, page.planes),
        *([] if page.extra_samples is None else [(338, short, 1, page.extra_samples)]),
        (339, short, 1, page.sample_format),
    ]
    directory = struct.pack(f"{byte_order}H", len(entries))
    for tag, kind, count, value in entries:
        inline = f"{byte_order}HHIH2x" if kind == short and count == 1 else f"{byte_order}HHII"
        directory += struct.pack(inline, tag, kind, count, value)
    return directory + bytes(4)


def netpbm(samples: NDArray[Any], maximum: int) -> bytes:
    """A binary PGM (height, width) or PPM (height, width, 3) file."""
    kind = b"P5" if samples.ndim == 2 else b"P6"
    header = b"%s\n%d %d\n%d\n" % (kind, samples.shape[1], samples.shape[0], maximum)
    return header + samples.astype(">u2" if maximum > 255 else np.uint8).tobytes()


def dicom(
    pixels: NDArray[Any],
    *,
    photometric: str = "MONOCHROME2",
    bits: int | None = None,
    frames: int = 1,
    syntax: UID = ExplicitVRLittleEndian,
    encoded: Sequence[bytes] = (),
    **elements: Any,
) -> bytes:
    """A DICOM file.

    Args:
        pixels: (height, width) or (height, width, 3), with the frames before that where there are several.
        photometric: the photometric interpretation.
        bits: stored; those of the type where absent.
        frames: their number.
        syntax: the transfer syntax; pixels are compressed for RLE and JPEG 2000.
        encoded: the compressed frames of another syntax.
        elements: of the header by keyword; None leaves one out.
    """
    shape = pixels.shape[1:] if frames > 1 else pixels.shape
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = (*shape, 1)[:3]
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if frames > 1:
        dataset.NumberOfFrames = frames
    stored = pixels.astype(pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    dataset.PixelData = stored + bytes(len(stored) % 2)
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    if encoded:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate(list(encoded))
        dataset["PixelData"].is_undefined_length = True
    elif syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def transcoded(file: bytes, syntax: UID) -> bytes:
    """A DICOM file compressed by GDCM, which alone can write JPEG of more than 8 bits, lossless JPEG and JPEG-LS."""
    import gdcm

    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder) / "source.dcm"), str(Path(folder) / "target.dcm")
        Path(source).write_bytes(file)
        reader = gdcm.ImageReader()
        reader.SetFileName(source)
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(target)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return Path(target).read_bytes()


def lookup_table(entries: Sequence[int], first: int, bits: int) -> Dataset:
    """An item of a DICOM sequence of look-up tables."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return item


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
