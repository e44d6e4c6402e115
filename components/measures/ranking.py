"""How well scores rank one class above the rest, for images that may count more or less than once.

scikit-learn has the same figures; these sort the scores once, for the thousands of draws of a bootstrap.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


class RankedScores:
    """Scores in descending order. Weights are float (images,), how often each image counts; all once by default."""

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
        self.thresholds: NDArray[np.float64] = descending[self._last]

    def counts(self, weights: NDArray[np.float64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """True and false positives at each of `thresholds`, (thresholds,) each."""
        drawn = np.ones(len(self._order)) if weights is None else weights[self._order]
        positives = drawn * self._positive
        return np.cumsum(positives)[self._last], np.cumsum(drawn - positives)[self._last]


class Curve:
    """True and false positive counts of ranked scores at falling thresholds, and what they say.

    Every figure is NaN where there are no positives or no negatives.
    """

    def __init__(self, true_positives: NDArray[np.float64], false_positives: NDArray[np.float64]) -> None:
        """Args: float (thresholds,) each, ascending."""
        self._hits = np.append(0.0, true_positives)
        self._alarms = np.append(0.0, false_positives)
        self._defined = bool(self._hits[-1] > 0 and self._alarms[-1] > 0)

    @property
    def auc(self) -> float:
        """Area under the ROC curve; equal scores count half."""
        if not self._defined:
            return np.nan
        return float(np.trapezoid(self._hits, self._alarms) / (self._hits[-1] * self._alarms[-1]))

    @property
    def average_precision(self) -> float:
        """Precision at each threshold, weighted by the recall that it adds."""
        if not self._defined:
            return np.nan
        called = self._hits[1:] + self._alarms[1:]
        precision = np.divide(self._hits[1:], called, out=np.zeros_like(called), where=called > 0)
        return float(np.diff(self._hits) @ precision / self._hits[-1])

    def sensitivity_at_specificity(self, specificity: float) -> float:
        """The highest sensitivity of the thresholds that have at least this specificity."""
        if not self._defined:
            return np.nan
        allowed = self._alarms <= (1.0 - specificity) * self._alarms[-1] * (1 + 1e-12)
        return float(self._hits[allowed].max() / self._hits[-1])

    def specificity_at_sensitivity(self, sensitivity: float) -> float:
        """The highest specificity of the thresholds that have at least this sensitivity."""
        if not self._defined:
            return np.nan
        enough = self._hits >= sensitivity * self._hits[-1] * (1 - 1e-12)
        return float(1.0 - self._alarms[enough].min() / self._alarms[-1])

    def sensitivities(self, false_positive_rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ROC curve at these rates, joined by straight lines: (rates,)."""
        if not self._defined:
            return np.full(len(false_positive_rates), np.nan)
        return np.interp(false_positive_rates, self._alarms / self._alarms[-1], self._hits / self._hits[-1])

    def precisions(self, recalls: NDArray[np.float64]) -> NDArray[np.float64]:
        """The precision at the highest threshold that reaches each recall, (recalls,)."""
        if not self._defined:
            return np.full(len(recalls), np.nan)
        first = np.searchsorted(self._hits / self._hits[-1], np.asarray(recalls) - 1e-12)
        called = self._hits + self._alarms
        precision = np.divide(self._hits, called, out=np.ones_like(called), where=called > 0)
        return precision[np.clip(first, 1, len(precision) - 1)]
