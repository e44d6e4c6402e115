"""Chooses the operating point: on `eval`, for a wanted recall."""

import math

import numpy as np
from numpy.typing import ArrayLike


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
    lowest_passing = positives[needed - 1]
    lower = values[values < lowest_passing]
    next_lower = lower.max() if lower.size else 0.0
    midway = np.float32((lowest_passing + next_lower) / 2.0)
    # Between neighbouring float32 values, rounding would let the lower one pass as well.
    return float(midway if midway > next_lower else lowest_passing)
