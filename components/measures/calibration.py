"""Whether probabilities are what they say: of the images given 0.3, three in ten should be positive."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.measures.shares import share

BINS: Final = 10


class BinnedProbabilities:
    """Probabilities of the positive class in bins of equal width."""

    def __init__(self, is_positive: ArrayLike, probabilities: ArrayLike) -> None:
        """Args: bool (images,); float (images,) in [0, 1]."""
        probability = np.asarray(probabilities, np.float64)
        self._excess = probability - np.asarray(is_positive, bool)
        self._bin = np.minimum((probability * BINS).astype(np.intp), BINS - 1)

    def brier(self, weights: NDArray[np.float64]) -> Any:
        """Mean squared error (Brier, Monthly Weather Review 78, 1950), (...); NaN where all weights are 0.

        Args: weights: (..., images), how often each image counts.
        """
        return share(weights @ self._excess**2, weights.sum(axis=-1))

    def expected_calibration_error(self, weights: NDArray[np.float64]) -> Any:
        """Mean difference of probability and frequency over the bins, by images, (...); Naeini et al., AAAI 2015.

        Args: weights: as of `brier`.
        """
        of_bins = weights @ (np.eye(BINS)[self._bin] * self._excess[:, None])
        return share(np.abs(of_bins).sum(axis=-1), weights.sum(axis=-1))

    def members(self) -> Iterator[NDArray[np.bool_]]:
        """For each bin, which images are in it, (images,)."""
        for number in range(BINS):
            yield self._bin == number
