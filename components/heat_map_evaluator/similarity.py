"""How alike two heat maps of an image are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


@dataclass(frozen=True)
class Similarity:
    """Means over images; NaN where none could be compared.

    Attributes:
        rank_correlation: Spearman's, over the places of a map, in [-1, 1]; exactly 1 for equal maps.
        overlap: sum of the smaller of both values, of maps divided by their sums, in [0, 1]; exactly 1 for equal
            maps ("SIM" in Bylinskii et al., "What do different evaluation metrics tell us about saliency models?",
            TPAMI 2019).
        compared: number of images of which neither map is the same everywhere.
    """

    rank_correlation: float
    overlap: float
    compared: int


def compare(maps: NDArray[np.floating], others: NDArray[np.floating]) -> Similarity:
    """Compares maps of the same images, each (images, rows, columns), not negative.

    Images with a map that is the same everywhere, as one of zeros is, are left out: such a map has no ranks.
    """
    flat, other = (each.reshape(len(each), -1).astype(np.float64) for each in (maps, others))
    told = (np.ptp(flat, axis=1) > 0.0) & (np.ptp(other, axis=1) > 0.0)
    pairs = list(zip(flat[told], other[told], strict=True))
    if not pairs:
        return Similarity(np.nan, np.nan, 0)
    return Similarity(
        rank_correlation=float(np.mean([_rank_correlation(*pair) for pair in pairs])),
        overlap=float(np.mean([_overlap(*pair) for pair in pairs])),
        compared=len(pairs),
    )


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    first, second = (ranks - ranks.mean() for ranks in (rankdata(one), rankdata(other)))
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    first, second = one / one.sum(), other / other.sum()
    # The sums are 1 but for rounding, which they take out again.
    return float(2.0 * np.minimum(first, second).sum() / (first.sum() + second.sum()))
