"""Figures of pooled predictions, each image predicted by the model that never saw its group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, roc_auc_score


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

    def measure(self, weights: NDArray[np.float64]) -> dict[str, float]:
        """AUC of each class against the rest and their mean; recall and specificity of the positive class, accuracy
        and balanced accuracy at the operating points. NaN for what the weights leave undefined."""
        aucs = {f"auc {label}": self._auc(index, weights) for index, label in enumerate(self.labels)}
        if len(self.labels) == 2:
            aucs = {"auc": self._auc(self.positive, weights)}
        else:
            aucs["macro auc"] = float(np.mean(list(aucs.values())))
        drawn = weights > 0
        truth, decided, weights = self.truth[drawn], self.decided[drawn], weights[drawn]
        positive, called = truth == self.positive, decided == self.positive
        return {
            **aucs,
            "recall": _share(called[positive], weights[positive]),
            "specificity": _share(~called[~positive], weights[~positive]),
            "accuracy": float(accuracy_score(truth, decided, sample_weight=weights)),
            "balanced accuracy": self._balanced_accuracy(truth, decided, weights),
        }

    def _auc(self, index: int, weights: NDArray[np.float64]) -> float:
        drawn = weights > 0
        is_class = self.truth[drawn] == index
        if is_class.all() or not is_class.any():
            return np.nan
        return float(roc_auc_score(is_class, self.probabilities[drawn, index], sample_weight=weights[drawn]))

    def _balanced_accuracy(
        self, truth: NDArray[np.int64], decided: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> float:
        if len(np.unique(truth)) < len(self.labels):
            return np.nan
        recalls = [
            _share(decided[truth == index] == index, weights[truth == index]) for index in range(len(self.labels))
        ]
        return float(np.mean(recalls))


def _share(hits: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    return float(np.average(hits, weights=weights)) if len(hits) else np.nan
