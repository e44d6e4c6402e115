"""Confidence intervals for figures of images that come in groups: patients are drawn anew, not images.

Images of one patient resemble each other, so that drawing images would make intervals too narrow (Field and Welsh,
"Bootstrapping clustered data", 2007).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CONFIDENCE: Final = 0.95

# From weights (images,), how often each image was drawn, to figures by name; NaN where one is not defined.
Measure = Callable[[NDArray[np.float64]], Mapping[str, float]]


@dataclass(frozen=True)
class Interval:
    """A figure and its percentile interval; both ends NaN where too few draws have the figure."""

    value: float
    low: float
    high: float


def group_intervals(groups: Sequence[str], measure: Measure, replicates: int, seed: int) -> dict[str, Interval]:
    """Measures all images, and as often as asked for groups drawn with replacement.

    Args:
        groups: of the images.
        measure: of the images by their weights.
        replicates: at least 2,000 for figures that are published.
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    values = dict(measure(np.ones(len(groups))))
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(replicates):
        times = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names))
        for name, value in measure(times[members].astype(np.float64)).items():
            drawn[name].append(value)
    return {name: _interval(value, np.array(drawn[name])) for name, value in values.items()}


def _interval(value: float, drawn: NDArray[np.float64]) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if 2 * len(known) < len(drawn) or not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))
