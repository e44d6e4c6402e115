"""Measures pixels: what statistics watch, and what the checks on broken images go by."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from schema.images.formats import CanonicalImage, Pixels

NEAR: Final = 1 / 16  # of the range in use: how far a blurred mask strays from black and white
LEAST_RANGE_OF_MASK: Final = 0.5
RIM: Final = 0.03  # of the side
MARGIN: Final = 0.12  # of the side, where frames and text lie
DARK: Final = 0.15
JUMP: Final = 0.5
WRAPPED_JUMP: Final = 0.75
SMALL_JUMP: Final = 0.125
LEAST_LEVELS: Final = 17  # pixels of so few values jump without having been cut
ROWS_LOOKED_AT: Final = 128


@dataclass(frozen=True)
class Measures:
    """See the attributes of the same names of `ManifestEntry`."""

    mean: float
    std: float
    highest: float
    levels: int
    two_valued: float
    border: float
    wrapped: float
    markings: float


def measure(image: CanonicalImage) -> Measures:
    size = int(np.iinfo(image.pixels.dtype).max) + 1
    histograms = [_histogram(image.pixels, channel, size) for channel in range(image.channels)]
    histogram = np.sum(histograms, axis=0)
    levels = max(int(np.count_nonzero(each)) for each in histograms)
    grey = image.pixels if image.pixels.ndim == 2 else image.pixels[..., 1]  # green has most of the brightness
    used = np.flatnonzero(histogram)
    mean, std = _moments(histogram, used)
    return Measures(
        mean=mean,
        std=std,
        highest=float(used[-1] / (size - 1)),
        levels=levels,
        two_valued=_two_valued(histogram, int(used[0]), int(used[-1])),
        border=_median(_rim(grey)) / (size - 1),
        wrapped=_wrapped(grey, size) if levels >= LEAST_LEVELS else 0.0,
        markings=max(_sharp_edges(strip, size) for strip in _margins(grey)),
    )


def _histogram(pixels: Pixels, channel: int, size: int) -> NDArray[np.int64]:
    """(size,): as numpy.bincount counts, in a third of the time; above 16 million to seven digits."""
    counts = cv2.calcHist([pixels], [channel], None, [size], [0, size])
    return counts.reshape(-1).astype(np.int64)


def _median(values: Pixels) -> float:
    """As numpy.median has it, in half the time: integers of 8 and 16 bits are sorted digit by digit."""
    ordered = np.sort(values, kind="stable")
    return float(ordered[[(len(ordered) - 1) // 2, len(ordered) // 2]].mean())


def _moments(histogram: NDArray[Any], used: NDArray[Any]) -> tuple[float, float]:
    shares = histogram[used] / histogram.sum()
    values = used / (len(histogram) - 1)
    mean = float(values @ shares)
    return mean, float(np.sqrt((values - mean) ** 2 @ shares))


def _two_valued(histogram: NDArray[Any], low: int, high: int) -> float:
    if high - low < LEAST_RANGE_OF_MASK * len(histogram):
        return 0.0
    near = int((high - low) * NEAR)
    outside = histogram[low + near + 1 : high - near].sum()
    return float(1.0 - outside / histogram.sum())


def _rim(grey: NDArray[Any]) -> NDArray[Any]:
    width = max(1, round(RIM * min(grey.shape)))
    strips = (grey[:width], grey[-width:], grey[:, :width], grey[:, -width:])
    return np.concatenate([strip.reshape(-1) for strip in strips])


def _margins(grey: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The four strips along the sides, each with its long side across."""
    down, across = (max(2, round(MARGIN * side)) for side in grey.shape)
    return grey[:down], grey[-down:], grey[:, :across].T, grey[:, -across:].T


def _wrapped(grey: NDArray[Any], size: int) -> float:
    """Share of jumps through the whole range, less that of middling ones, which noise and edges have as well."""
    step = max(1, grey.shape[0] // ROWS_LOOKED_AT)
    jumps = _jumps(grey[::step])
    if not jumps.size:
        return 0.0
    whole = np.count_nonzero(jumps > WRAPPED_JUMP * size)
    if not whole:
        return 0.0
    middling = np.count_nonzero(jumps > SMALL_JUMP * size) - whole
    return max(0.0, (whole - middling) / jumps.size)


def _sharp_edges(strip: NDArray[Any], size: int) -> float:
    if 2 * np.count_nonzero(strip > DARK * size) > strip.size:
        return 0.0
    sharp = sum(np.count_nonzero(_jumps(values) >= JUMP * size) for values in (strip, strip.T))
    return float(sharp / strip.size)


def _jumps(values: NDArray[Any]) -> NDArray[Any]:
    """(height, width) -> (height, width - 1): by how much neighbours in a row differ; of the same type."""
    right, left = values[:, 1:], values[:, :-1]
    return np.maximum(right, left) - np.minimum(right, left)
