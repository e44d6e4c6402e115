"""What the decisions at an operating point are worth, from counts of images by true and decided class."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Decisions:
    """True and decided classes of images."""

    def __init__(self, truth: ArrayLike, decided: ArrayLike, classes: int) -> None:
        """Args: int (images,) each, below `classes`."""
        self._cell = np.asarray(truth, np.intp) * classes + np.asarray(decided, np.intp)
        self._classes = classes

    def confusion(self, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(classes, classes): rows by true class, columns by decided class."""
        return np.bincount(self._cell, weights, self._classes**2).reshape(self._classes, -1).astype(np.float64)


class Binary:
    """The positive class against the rest, from a confusion matrix. A figure is NaN where it is 0/0."""

    def __init__(self, confusion: NDArray[np.float64], positive: int) -> None:
        self.true_positives = float(confusion[positive, positive])
        self.false_negatives = float(confusion[positive].sum()) - self.true_positives
        self.false_positives = float(confusion[:, positive].sum()) - self.true_positives
        self.true_negatives = float(confusion.sum()) - (
            self.true_positives + self.false_negatives + self.false_positives
        )

    @property
    def recall(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> float:
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def matthews(self) -> float:
        """Matthews's correlation coefficient of truth and decision, -1 to 1."""
        called, others = self.true_positives + self.false_positives, self.true_negatives + self.false_negatives
        positives, negatives = self.true_positives + self.false_negatives, self.true_negatives + self.false_positives
        agreement = self.true_positives * self.true_negatives - self.false_positives * self.false_negatives
        return _ratio(agreement, math.sqrt(called * others * positives * negatives))

    def positive_predictive_value(self, prevalence: float) -> float:
        """Share of the images called positive that are, where `prevalence` of all are (Bayes)."""
        hits, alarms = self.recall * prevalence, (1 - self.specificity) * (1 - prevalence)
        return _ratio(hits, hits + alarms)

    def negative_predictive_value(self, prevalence: float) -> float:
        """Share of the images not called positive that are not, where `prevalence` of all are."""
        cleared, missed = self.specificity * (1 - prevalence), (1 - self.recall) * prevalence
        return _ratio(cleared, cleared + missed)


def accuracy(confusion: NDArray[np.float64]) -> float:
    return _ratio(float(np.trace(confusion)), float(confusion.sum()))


def balanced_accuracy(confusion: NDArray[np.float64]) -> float:
    """Mean recall of the classes; NaN where one has no images."""
    rows = confusion.sum(axis=1)
    return float(np.mean(np.diag(confusion) / rows)) if (rows > 0).all() else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
