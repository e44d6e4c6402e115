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

# From weights (draws, images), how often each image was drawn, to figures (draws,) by name; NaN where undefined.
Measure = Callable[[NDArray[np.float64]], Mapping[str, NDArray[np.float64]]]

_WEIGHTS_AT_ONCE: Final = 2**19  # 4 MiB, and as much again for each step of a measure


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
    names = list(measure(np.ones((1, len(np.asarray(groups))))))

    def curve(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        figures = measure(weights)
        return np.stack([figures[name] for name in names], axis=-1)

    band = group_bands(groups, curve, replicates, seed)
    ends = zip(names, band.value, band.low, band.high, strict=True)
    return {name: Interval(float(value), float(low), float(high)) for name, value, low, high in ends}


def group_bands(
    groups: ArrayLike, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]], replicates: int, seed: int
) -> Band:
    """As `group_intervals`, for a curve (draws, points) of the images by their weights (draws, images)."""
    value = curve(np.ones((1, len(np.asarray(groups)))))[0]
    drawn = np.concatenate([curve(weights) for weights in _draws(groups, replicates, seed)])
    enough = 2 * np.isfinite(drawn).sum(axis=0) >= len(drawn)
    low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
    if enough.any():
        ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
        low[enough], high[enough] = np.nanquantile(drawn[:, enough], ends, axis=0)
    return Band(value, low, high)


def _draws(groups: ArrayLike, replicates: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each image was drawn, (draws, images), for some draws at a time."""
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    at_once = max(1, _WEIGHTS_AT_ONCE // len(members))
    for start in range(0, replicates, at_once):
        draws = min(at_once, replicates - start)
        times = [np.bincount(random.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(draws)]
        yield np.stack(times)[:, members].astype(np.float64)
