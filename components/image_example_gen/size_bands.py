"""Images by their number of pixels, since a model may depend on how far they were scaled."""

from typing import Final

# In pixels, and wide enough that images of one device usually share a band.
_BANDS: Final = (
    (10_000, "under 0.01 megapixels"),
    (100_000, "0.01 to 0.1 megapixels"),
    (1_000_000, "0.1 to 1 megapixels"),
    (10_000_000, "1 to 10 megapixels"),
)
_LARGEST: Final = "10 megapixels or more"


def size_band(height: int, width: int) -> str:
    return next((name for end, name in _BANDS if height * width < end), _LARGEST)
