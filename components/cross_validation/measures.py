"""Figures of pooled predictions, each image predicted by the model that never saw its group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.measures.decisions import Binary, Decisions, accuracy, balanced_accuracy
from components.measures.ranking import Curve, RankedScores


@dataclass(frozen=True)
class Pooled:
    """Predictions of all images.

    Attributes:
        labels: class names, in the order of the probabilities.
        positive: index of the positive class.
        truth: int (images,).
        probabilities: float (images, classes), calibrated.
        decided: int (images,), the classes at the operating points of the folds.
    """

    labels: Sequence[str]
    positive: int
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    decided: NDArray[np.int64]

    def measure(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """AUC of each class against the rest and their mean; recall and specificity of the positive class, accuracy
        and balanced accuracy at the operating points: (...) each, NaN for what the weights leave undefined.

        Args: weights: (..., images), how often each image counts.
        """
        confusion = Decisions(self.truth, self.decided, len(self.labels)).confusion(weights)
        binary = Binary(confusion, self.positive)
        return {
            **self._aucs(weights),
            "recall": binary.recall,
            "specificity": binary.specificity,
            "accuracy": accuracy(confusion),
            "balanced accuracy": balanced_accuracy(confusion),
        }

    def _aucs(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        if len(self.labels) == 2:
            return {"auc": self._curve(self.positive, weights).auc}
        aucs = {f"auc {label}": self._curve(index, weights).auc for index, label in enumerate(self.labels)}
        return {**aucs, "macro auc": np.mean(list(aucs.values()), axis=0)}

    def _curve(self, index: int, weights: NDArray[np.float64]) -> Curve:
        return RankedScores(self.truth == index, self.probabilities[:, index]).curve(weights)
