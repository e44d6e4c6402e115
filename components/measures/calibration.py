"""Whether probabilities are what they say: of the images given 0.3, three in ten should be positive."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS: Final = 10


class BinnedProbabilities:
    """Probabilities of the positive class in bins of equal width."""

    def __init__(self, is_positive: ArrayLike, probabilities: ArrayLike) -> None:
        """Args: bool (images,); float (images,) in [0, 1]."""
        self._positive = np.asarray(is_positive, bool).astype(np.float64)
        self._probability = np.asarray(probabilities, np.float64)
        self._bin = np.minimum((self._probability * BINS).astype(np.intp), BINS - 1)
        self._square = (self._probability - self._positive) ** 2

    def brier(self, weights: NDArray[np.float64]) -> float:
        """Mean squared error (Brier, Monthly Weather Review 78, 1950); NaN where all weights are 0."""
        total = float(weights.sum())
        return float(weights @ self._square) / total if total else np.nan

    def expected_calibration_error(self, weights: NDArray[np.float64]) -> float:
        """Mean difference of probability and frequency over the bins, by their images (Naeini et al., AAAI 2015)."""
        total = float(weights.sum())
        if not total:
            return np.nan
        difference = np.bincount(self._bin, weights * (self._probability - self._positive), BINS)
        return float(np.abs(difference).sum()) / total

    def members(self) -> Iterator[NDArray[np.bool_]]:
        """For each bin, which images are in it, (images,)."""
        for number in range(BINS):
            yield self._bin == number
