"""What the decisions at an operating point are worth, from counts of images by true and decided class."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.measures.shares import share


class Decisions:
    """True and decided classes of images."""

    def __init__(self, truth: ArrayLike, decided: ArrayLike, classes: int) -> None:
        """Args: int (images,) each, below `classes`."""
        cell = np.asarray(truth, np.intp) * classes + np.asarray(decided, np.intp)
        self._is_in_cell = np.eye(classes**2)[cell]
        self._classes = classes

    def confusion(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., classes, classes): rows by true class, columns by decided class. Args: weights: (..., images)."""
        return (weights @ self._is_in_cell).reshape(*weights.shape[:-1], self._classes, self._classes)


class Binary:
    """The positive class against the rest, from confusion matrices. Every figure is (...), NaN where it is 0/0."""

    def __init__(self, confusion: NDArray[np.float64], positive: int) -> None:
        """Args: confusion: (..., classes, classes)."""
        self.true_positives = confusion[..., positive, positive]
        self.false_negatives = confusion[..., positive, :].sum(axis=-1) - self.true_positives
        self.false_positives = confusion[..., :, positive].sum(axis=-1) - self.true_positives
        others = self.true_positives + self.false_negatives + self.false_positives
        self.true_negatives = confusion.sum(axis=(-2, -1)) - others

    @property
    def recall(self) -> Any:
        return share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> Any:
        return share(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def f1(self) -> Any:
        return share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def matthews(self) -> Any:
        """Matthews's correlation coefficient of truth and decision, -1 to 1."""
        called, others = self.true_positives + self.false_positives, self.true_negatives + self.false_negatives
        positives, negatives = self.true_positives + self.false_negatives, self.true_negatives + self.false_positives
        agreement = self.true_positives * self.true_negatives - self.false_positives * self.false_negatives
        return share(agreement, np.sqrt(called * others * positives * negatives))

    def positive_predictive_value(self, prevalence: float) -> Any:
        """Share of the images called positive that are, where `prevalence` of all are (Bayes)."""
        hits, alarms = self.recall * prevalence, (1 - self.specificity) * (1 - prevalence)
        return share(hits, hits + alarms)

    def negative_predictive_value(self, prevalence: float) -> Any:
        """Share of the images not called positive that are not, where `prevalence` of all are."""
        cleared, missed = self.specificity * (1 - prevalence), (1 - self.recall) * prevalence
        return share(cleared, cleared + missed)


def accuracy(confusion: NDArray[np.float64]) -> Any:
    """(...), of confusion matrices (..., classes, classes)."""
    return share(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def balanced_accuracy(confusion: NDArray[np.float64]) -> Any:
    """Mean recall of the classes, (...); NaN where one has no images."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.mean(share(hits, confusion.sum(axis=-1)), axis=-1)
