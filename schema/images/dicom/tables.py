"""From stored values to brightness: for each of the at most 65,536 values that the bits can hold, once a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing

from schema.images.canonical import Pixels, UnreadableImageError, full_range
from schema.images.dicom.header import MONOCHROME1, MONOCHROME2, Header

_WINDOW_FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_COLOURS: Final = ("Red", "Green", "Blue")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _LookupTable:
    """Attributes: first: the value of the first entry; entries: what values become; bits: of each entry."""

    first: int
    entries: NDArray[np.uint16]
    bits: int

    def apply(self, values: Values) -> NDArray[np.uint16]:
        """Values beyond either end become the entry there."""
        positions = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[positions.astype(np.intp)]

    def shares(self, values: Values) -> Values:
        """In [0, 1]."""
        return self.apply(values) / (2**self.bits - 1)


def grey_table(header: Header, frame: int) -> Pixels:
    """What each stored pattern of bits shows: uint8 or uint16 (2**bits_stored,), over the full range.

    The order is the standard's: modality, window (the first one), and inversion where the lowest value is white.
    Padding becomes black. Raises UnreadableImageError for an unusable look-up table or window.
    """
    stored = _stored_values(header)
    places = _places(header.dataset, frame)
    shares = _windowed(stored, places, header)
    if header.photometric == MONOCHROME1:
        shares = 1 - shares
    shares[_is_padding(stored, header)] = 0
    return full_range(shares, header.bits_stored)


def palette_table(header: Header) -> NDArray[np.uint8]:
    """The colour of each stored pattern of bits: uint8 (2**bits_stored, 3).

    Raises UnreadableImageError where the header has no usable palette.
    """
    stored = _stored_values(header)
    tables = [_lookup_table(header.dataset, f"{colour}PaletteColorLookupTable", header) for colour in _COLOURS]
    return np.stack([table.apply(stored) >> (table.bits - 8) for table in tables], axis=-1).astype(np.uint8)


def _stored_values(header: Header) -> Values:
    patterns = np.arange(2**header.bits_stored)
    if header.is_signed:
        patterns[len(patterns) // 2 :] -= len(patterns)
    return patterns.astype(np.float64)


def _places(dataset: Dataset, frame: int) -> list[Dataset]:
    """Where to look for a setting of a frame: its own functional groups, the shared ones, the header."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    groups = [*per_frame[frame : frame + 1], *shared[:1]]
    names = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
    return [*(item for group in groups for name in names for item in (group.get(name) or [])[:1]), dataset]


def _find(places: Sequence[Dataset], *keywords: str) -> Dataset | None:
    """The first place that has a value for each of these elements."""
    return next((place for place in places if all(_has_value(place, keyword) for keyword in keywords)), None)


def _has_value(place: Dataset, keyword: str) -> bool:
    value = place.get(keyword)
    return value is not None and value != "" and (not isinstance(value, Sequence) or len(value) > 0)


def _windowed(stored: Values, places: Sequence[Dataset], header: Header) -> Values:
    """Shares of the brightness, in [0, 1]."""
    values, lowest, highest = _modality_values(stored, places, header)
    if place := _find(places, "VOILUTSequence"):
        return _lookup_table(place.VOILUTSequence[0], "LUT", header).shares(values)
    if place := _find(places, "WindowCenter", "WindowWidth"):
        return _window(values, place)
    return (values - lowest) / (highest - lowest)


def _modality_values(stored: Values, places: Sequence[Dataset], header: Header) -> tuple[Values, float, float]:
    """What the modality measured, and the lowest and highest values that the bits can hold."""
    if place := _find(places, "ModalityLUTSequence"):
        table = _lookup_table(place.ModalityLUTSequence[0], "LUT", header)
        return table.apply(stored).astype(np.float64), 0.0, 2.0**table.bits - 1
    values = stored
    if place := _find(places, "RescaleSlope", "RescaleIntercept"):
        slope, intercept = _number(place.RescaleSlope), _number(place.RescaleIntercept)
        if slope == 0:
            raise UnreadableImageError("the DICOM file's RescaleSlope is 0")
        values = stored * slope + intercept
    return values, float(values.min()), float(values.max())


def _window(values: Values, place: Dataset) -> Values:
    function = str(place.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function not in _WINDOW_FUNCTIONS:
        raise UnreadableImageError("the DICOM file's VOILUTFunction is not supported")
    width = _number(place.WindowWidth)
    if width < 1 if function == "LINEAR" else width <= 0:
        raise UnreadableImageError("the DICOM file's WindowWidth is too small")
    window = Dataset()
    window.PhotometricInterpretation = MONOCHROME2
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = _number(place.WindowCenter), width, function
    window.BitsStored, window.PixelRepresentation = 1, 0  # pydicom fills the range of the bits: here from 0 to 1
    with np.errstate(over="ignore"):  # of the sigmoid's exponential, which is right as infinity
        return apply_windowing(values, window)


def _is_padding(stored: Values, header: Header) -> NDArray[np.bool_]:
    if not _has_value(header.dataset, "PixelPaddingValue"):
        return np.zeros(stored.shape, np.bool_)
    first = _number(header.dataset.PixelPaddingValue)
    limit = header.dataset.get("PixelPaddingRangeLimit")
    last = first if limit is None else _number(limit)
    return (stored >= min(first, last)) & (stored <= max(first, last))


def _number(value: Any) -> float:
    """The first value of an element."""
    number = float(value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value)
    if not np.isfinite(number) or abs(number) > 1e12:
        raise UnreadableImageError("the DICOM file has a number in its header that is out of all bounds")
    return number


def _lookup_table(place: Dataset, prefix: str, header: Header) -> _LookupTable:
    descriptor, data = place.get(f"{prefix}Descriptor"), place.get(f"{prefix}Data")
    if descriptor is None or data is None or len(descriptor) != 3:
        raise UnreadableImageError(f"the DICOM file has no usable {prefix}Data")
    count, first, bits = (int(value) for value in descriptor)
    entries = _entries(data, count or 2**16, header)
    if not 8 <= bits <= 16:
        raise UnreadableImageError(f"the DICOM file has a {prefix}Descriptor that is not supported")
    return _LookupTable(first, np.minimum(entries, 2**bits - 1).astype(np.uint16), bits)


def _entries(data: Any, count: int, header: Header) -> NDArray[np.integer]:
    """So many entries of one or two bytes, which come as bytes or as numbers."""
    if not isinstance(data, bytes):
        entries = np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF  # some writers call them signed
    elif len(data) >= 2 * count:
        entries = np.frombuffer(data[: 2 * count], np.dtype("<u2" if header.is_little_endian else ">u2"))
    else:
        entries = np.frombuffer(data, np.uint8)
    if len(entries) < count:
        raise UnreadableImageError("the DICOM file has a look-up table with fewer entries than it says")
    return entries[:count]
