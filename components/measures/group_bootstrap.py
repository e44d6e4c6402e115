"""Confidence intervals for figures of images that come in groups: patients are drawn anew, not images.

Images of one patient resemble each other, so that drawing images would make intervals too narrow (Field and Welsh,
"Bootstrapping clustered data", 2007).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE: Final = 0.95

# From weights (images,), how often each image was drawn, to figures by name; NaN where one is not defined.
Measure = Callable[[NDArray[np.float64]], Mapping[str, float]]


@dataclass(frozen=True)
class Interval:
    """A figure and its percentile interval; both ends NaN where too few draws have the figure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """A curve, (points,), and its pointwise percentile intervals; NaN where too few draws have a value."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def group_intervals(groups: ArrayLike, measure: Measure, replicates: int, seed: int) -> dict[str, Interval]:
    """Measures all images, and as often as asked for groups drawn with replacement.

    Args:
        groups: of the images, (images,).
        measure: of the images by their weights.
        replicates: at least 2,000 for figures that are published.
    """
    names = list(measure(np.ones(len(np.asarray(groups)))))

    def curve(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        figures = measure(weights)
        return np.array([figures[name] for name in names])

    band = group_bands(groups, curve, replicates, seed)
    ends = zip(names, band.value, band.low, band.high, strict=True)
    return {name: Interval(float(value), float(low), float(high)) for name, value, low, high in ends}


def group_bands(
    groups: ArrayLike, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]], replicates: int, seed: int
) -> Band:
    """As `group_intervals`, for a curve (points,) of the images by their weights."""
    images = len(np.asarray(groups))
    value = curve(np.ones(images))
    drawn = np.stack([curve(weights) for weights in _draws(groups, replicates, seed)])
    enough = 2 * np.isfinite(drawn).sum(axis=0) >= len(drawn)
    low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
    if enough.any():
        ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
        low[enough], high[enough] = np.nanquantile(drawn[:, enough], ends, axis=0)
    return Band(value, low, high)


def _draws(groups: ArrayLike, replicates: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """For each replicate, how often each image was drawn, (images,)."""
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        times = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names))
        yield times[members].astype(np.float64)
