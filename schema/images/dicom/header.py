"""The header of a DICOM file: read without what names a person, and checked before anything is decoded.

Messages name elements and never quote values, since any value may identify someone.
"""

import io
import logging
import zlib
from dataclasses import dataclass
from typing import Final

from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from schema import contract
from schema.images.canonical import UnreadableImageError, check_count, check_size

MONOCHROME1: Final = "MONOCHROME1"
MONOCHROME2: Final = "MONOCHROME2"
PALETTE_COLOR: Final = "PALETTE COLOR"

_START: Final = 132  # behind the preamble and its signature
_META_GROUP: Final = 2
# All else, names and dates among it, is skipped while reading.
_ELEMENTS: Final = (
    "PatientID",
    "IssuerOfPatientID",
    "ViewPosition",
    "ViewCodeSequence",
    "ImageLaterality",
    "Laterality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
)
_SYNTAXES: Final = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    *uid.JPEGTransferSyntaxes,
    *uid.JPEGLSTransferSyntaxes,
    *uid.JPEG2000TransferSyntaxes,
)
_SAMPLES: Final = {
    MONOCHROME1: 1,
    MONOCHROME2: 1,
    PALETTE_COLOR: 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}

# pydicom quotes values when it warns of them.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Header:
    """How the pixels are stored; all of it within the limits.

    Attributes:
        dataset: the elements that matter, pixels among them.
        syntax: UID of the transfer syntax.
        photometric: the photometric interpretation.
        rows, columns, frames, samples: the shape.
        bits_allocated, bits_stored: of each sample.
        is_signed: whether samples may be negative.
    """

    dataset: Dataset
    syntax: uid.UID
    photometric: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool

    @property
    def is_little_endian(self) -> bool:
        return self.syntax != uid.ExplicitVRBigEndian


def read_header(data: bytes) -> Header:
    """Raises UnreadableImageError for pixels that are not supported, and what pydicom raises for a damaged file."""
    dataset, syntax = _read(data)
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise UnreadableImageError("floating-point pixels are not supported")
    if not dataset.get("PixelData"):
        raise UnreadableImageError("the DICOM file holds no pixels")
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in _SAMPLES:
        raise UnreadableImageError("the DICOM file has a photometric interpretation that is not supported")
    header = Header(
        dataset=dataset,
        syntax=syntax,
        photometric=photometric,
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        frames=_integer(dataset, "NumberOfFrames") if dataset.get("NumberOfFrames") else 1,
        samples=_integer(dataset, "SamplesPerPixel"),
        bits_allocated=_integer(dataset, "BitsAllocated"),
        bits_stored=_integer(dataset, "BitsStored"),
        is_signed=_integer(dataset, "PixelRepresentation") == 1,
    )
    _check(header)
    return header


def _read(data: bytes) -> tuple[Dataset, uid.UID]:
    stream = io.BytesIO(data)
    stream.seek(_START)
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta)
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None:
        raise UnreadableImageError("the DICOM file names no transfer syntax")
    if syntax not in _SYNTAXES:
        raise UnreadableImageError("the DICOM file has a transfer syntax that is not supported")
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        stream = io.BytesIO(_inflate(stream.read()))
    dataset = read_dataset(
        stream,
        is_implicit_VR=syntax == uid.ImplicitVRLittleEndian,
        is_little_endian=syntax != uid.ExplicitVRBigEndian,
        specific_tags=[Tag(keyword) for keyword in _ELEMENTS],
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset, syntax


def _is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag.group != _META_GROUP


def _inflate(compressed: bytes) -> bytes:
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(compressed, contract.MAXIMUM_FILE_BYTES + 1)
    if len(inflated) > contract.MAXIMUM_FILE_BYTES:
        raise UnreadableImageError(f"the file has more than {contract.MAXIMUM_FILE_BYTES} bytes when inflated")
    return inflated


def _integer(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    if not isinstance(value, int):
        raise UnreadableImageError(f"the DICOM file has no usable {keyword}")
    return int(value)


def _check(header: Header) -> None:
    check_size(header.columns, header.rows)
    check_count(header.frames)
    if header.samples != _SAMPLES[header.photometric]:
        raise UnreadableImageError("the DICOM file's SamplesPerPixel contradicts its photometric interpretation")
    if header.bits_allocated not in (8, 16) or not 1 <= header.bits_stored <= header.bits_allocated:
        raise UnreadableImageError(
            f"{header.bits_stored} of {header.bits_allocated} bits are not supported; up to 16 bits are"
        )
    if header.dataset.get("HighBit", header.bits_stored - 1) != header.bits_stored - 1:
        raise UnreadableImageError("the DICOM file has its pixels in other bits than the lowest ones")
    if header.samples > 1 and header.is_signed:
        raise UnreadableImageError("negative colours are not supported")
    if header.photometric.startswith("YBR") and header.bits_stored != 8:
        raise UnreadableImageError("YBR colours are supported with 8 bits alone")
    if header.photometric in ("YBR_ICT", "YBR_RCT") and header.syntax not in uid.JPEG2000TransferSyntaxes:
        raise UnreadableImageError("the DICOM file's photometric interpretation contradicts its transfer syntax")
