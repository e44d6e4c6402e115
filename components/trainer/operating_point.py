"""Chooses the operating point on `eval`: for a wanted recall, or for the best balance of both kinds of error."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def threshold_for_recall(is_positive: ArrayLike, scores: ArrayLike, target_recall: float) -> float:
    """The highest threshold at which at least `target_recall` of the positives score as high or higher.

    It lies midway between the lowest score that must pass and the next lower one, so that rounding in the served
    model cannot move an image across it.

    Args:
        is_positive: bool (images,), at least one of them true.
        scores: probability of the positive class in [0, 1], float (images,).
        target_recall: in (0, 1].

    Returns:
        The threshold in [0, 1], as the nearest float32.
    """
    values = np.asarray(scores, np.float64)
    positives = np.sort(values[np.asarray(is_positive, bool)])[::-1]
    if positives.size == 0:
        raise ValueError("an operating point needs at least one positive image")
    needed = max(1, math.ceil(round(target_recall * positives.size, 9)))
    return _threshold_below(positives[needed - 1], values)


def threshold_for_youden(is_positive: ArrayLike, scores: ArrayLike) -> float:
    """The threshold with the highest sensitivity + specificity - 1, and of several the one with the highest recall.

    Youden, "Index for rating diagnostic tests", Cancer 3(1), 1950. It lies midway between two scores,
    as that of `threshold_for_recall` does.

    Args:
        is_positive: bool (images,), at least one of them true and one false.
        scores: probability of the positive class in [0, 1], float (images,).

    Returns:
        The threshold in [0, 1], as the nearest float32.
    """
    values = np.asarray(scores, np.float64)
    positive = np.asarray(is_positive, bool)
    positives, negatives = np.sort(values[positive]), np.sort(values[~positive])
    if positives.size == 0 or negatives.size == 0:
        raise ValueError("Youden's index needs at least one positive and one negative image")
    candidates = np.unique(values)
    missed_positives = np.searchsorted(positives, candidates)
    passed_negatives = negatives.size - np.searchsorted(negatives, candidates)
    # In whole numbers, so that rounding breaks no tie. The first of the best is the lowest score.
    errors = missed_positives * negatives.size + passed_negatives * positives.size
    return _threshold_below(candidates[np.argmin(errors)], values)


def _threshold_below(lowest_passing: np.float64, values: NDArray[np.float64]) -> float:
    """The float32 midway between the lowest score that must pass and the next lower one."""
    lower = values[values < lowest_passing]
    next_lower = lower.max() if lower.size else 0.0
    midway = np.float32((lowest_passing + next_lower) / 2.0)
    # Between neighbouring float32 values, rounding would let the lower one pass as well.
    return float(midway if midway > next_lower else lowest_passing)
