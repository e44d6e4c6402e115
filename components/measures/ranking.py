"""How well scores rank one class above the rest, for images that may count more or less than once.

scikit-learn has the same figures; these sort the scores once, for all draws of a bootstrap together.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.measures.shares import share

# Weights that differ by less are the same: sums of them are rounded.
_ROUNDING = 1e-12


class RankedScores:
    """Scores in descending order."""

    def __init__(self, is_positive: ArrayLike, scores: ArrayLike) -> None:
        """Args:
        is_positive: bool (images,).
        scores: float (images,), higher for what looks positive. Equal scores are crossed by a threshold together.
        """
        values = np.asarray(scores, np.float64)
        self._order = np.argsort(-values, kind="stable")
        self._positive = np.asarray(is_positive, bool)[self._order].astype(np.float64)
        descending = values[self._order]
        self._last = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)

    def curve(self, weights: NDArray[np.float64] | None = None) -> "Curve":
        """Args: weights: (..., images), how often each image counts; all once where absent."""
        drawn = np.ones(len(self._order)) if weights is None else weights[..., self._order]
        positives = drawn * self._positive
        return Curve(self._at_thresholds(positives), self._at_thresholds(drawn - positives))

    def _at_thresholds(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.cumsum(counts, axis=-1)[..., self._last]


class Curve:
    """True and false positive counts of ranked scores at falling thresholds, and what they say.

    Every figure is (...), and NaN where there are no positives or no negatives.
    """

    def __init__(self, true_positives: NDArray[np.float64], false_positives: NDArray[np.float64]) -> None:
        """Args: float (..., thresholds) each, ascending."""
        start = np.zeros((*true_positives.shape[:-1], 1))
        self._hits = np.concatenate([start, true_positives], axis=-1)
        self._alarms = np.concatenate([start, false_positives], axis=-1)
        self._positives, self._negatives = self._hits[..., -1:], self._alarms[..., -1:]
        self._defined = (self._positives[..., 0] > 0) & (self._negatives[..., 0] > 0)

    @property
    def auc(self) -> Any:
        """Area under the ROC curve; equal scores count half."""
        area = np.trapezoid(self._hits, self._alarms, axis=-1)
        return self._known(share(area, self._positives[..., 0] * self._negatives[..., 0]))

    @property
    def average_precision(self) -> Any:
        """Precision at each threshold, weighted by the recall that it adds."""
        precision = np.nan_to_num(share(self._hits[..., 1:], self._hits[..., 1:] + self._alarms[..., 1:]))
        summed = (np.diff(self._hits, axis=-1) * precision).sum(axis=-1)
        return self._known(share(summed, self._positives[..., 0]))

    def sensitivity_at_specificity(self, specificity: float) -> Any:
        """The highest sensitivity of the thresholds that have at least this specificity."""
        allowed = self._alarms <= (1.0 - specificity) * self._negatives * (1 + _ROUNDING)
        best = np.where(allowed, self._hits, 0.0).max(axis=-1)
        return self._known(share(best, self._positives[..., 0]))

    def specificity_at_sensitivity(self, sensitivity: float) -> Any:
        """The highest specificity of the thresholds that have at least this sensitivity."""
        enough = self._hits >= sensitivity * self._positives * (1 - _ROUNDING)
        fewest = np.where(enough, self._alarms, np.inf).min(axis=-1)
        return self._known(1.0 - share(fewest, self._negatives[..., 0]))

    def sensitivities(self, false_positive_rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ROC curve at these rates, joined by straight lines: (..., rates)."""
        return self._at(false_positive_rates, _sensitivities)

    def precisions(self, recalls: NDArray[np.float64]) -> NDArray[np.float64]:
        """The precision at the highest threshold that reaches each recall, (..., recalls)."""
        return self._at(recalls, _precisions)

    def _at(self, points: NDArray[np.float64], values: Any) -> NDArray[np.float64]:
        """What a function says of each curve at some points, (..., points)."""
        found = np.full((*self._defined.shape, len(points)), np.nan)
        for place in np.argwhere(self._defined):
            curve = tuple(place)
            found[curve] = values(self._hits[curve], self._alarms[curve], points)
        return found

    def _known(self, figure: Any) -> Any:
        return np.where(self._defined, figure, np.nan)[()]


def _sensitivities(
    hits: NDArray[np.float64], alarms: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.interp(rates, alarms / alarms[-1], hits / hits[-1])


def _precisions(
    hits: NDArray[np.float64], alarms: NDArray[np.float64], recalls: NDArray[np.float64]
) -> NDArray[np.float64]:
    first = np.searchsorted(hits / hits[-1], recalls - _ROUNDING)
    # Nothing is called positive above the first threshold.
    return share(hits, hits + alarms)[np.clip(first, 1, len(hits) - 1)]
