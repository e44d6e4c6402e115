"""Intervals of the area under the ROC curve that need no resampling."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from components.measures.group_bootstrap import Interval
from components.measures.proportions import QUANTILE


@dataclass(frozen=True)
class PairedDifference:
    """AUC of one model less that of another on the same images.

    Attributes: p_value: two-sided, of no difference; NaN where it is not defined.
    """

    difference: Interval
    p_value: float


def delong(is_positive: ArrayLike, scores: ArrayLike) -> Interval:
    """DeLong's interval, for independent images; NaN where a class is missing or has one image.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988; computed as in Sun and Xu, IEEE Signal Processing Letters
    21, 2014. The ends are cut to [0, 1]. It has no width where the classes are apart, however few images there are.

    Args:
        is_positive: bool (images,).
        scores: float (images,).
    """
    aucs, covariance = _components(is_positive, np.asarray(scores, np.float64)[None, :])
    half = QUANTILE * math.sqrt(covariance[0, 0]) if np.isfinite(covariance[0, 0]) else math.nan
    return Interval(float(aucs[0]), float(np.maximum(aucs[0] - half, 0.0)), float(np.minimum(aucs[0] + half, 1.0)))


def delong_difference(is_positive: ArrayLike, scores: ArrayLike, others: ArrayLike) -> PairedDifference:
    """AUC of `scores` less that of `others`, with the interval and the test of DeLong for correlated curves."""
    both = np.stack([np.asarray(scores, np.float64), np.asarray(others, np.float64)])
    aucs, covariance = _components(is_positive, both)
    difference = float(aucs[0] - aucs[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if not math.isfinite(variance):
        return PairedDifference(Interval(difference, math.nan, math.nan), math.nan)
    deviation = math.sqrt(max(variance, 0.0))
    half = QUANTILE * deviation
    interval = Interval(difference, difference - half, difference + half)
    return PairedDifference(interval, _two_sided_p_value(difference, deviation))


def _two_sided_p_value(difference: float, deviation: float) -> float:
    if deviation:
        return float(2 * norm.sf(abs(difference) / deviation))
    return math.nan if difference else 1.0


def newcombe(auc: float, positives: int, negatives: int, quantile: float = QUANTILE) -> Interval:
    """Newcombe's interval (Statistics in Medicine 25, 2006, method 5); NaN where a class is missing.

    It rests on the AUC and the two counts alone, and has width where the classes are apart, too.

    Args: quantile: of the normal distribution, for either end; that of 95 % unless told.
    """
    if not positives or not negatives or not math.isfinite(auc):
        return Interval(auc, math.nan, math.nan)
    low, high = (_newcombe_end(auc, limit, positives, negatives, quantile) for limit in (0.0, 1.0))
    return Interval(auc, low, high)


def least_fall(before: Interval, after: Interval) -> float:
    """The lower end of the interval of `before` less `after`, two AUCs of different images; NaN where undefined.

    From their own intervals, by the method of variance estimates recovery (Zou and Donner, Statistics in Medicine 27,
    2008), which is as sure as they are.
    """
    return before.value - after.value - math.hypot(before.value - before.low, after.high - after.value)


def _newcombe_end(auc: float, limit: float, positives: int, negatives: int, quantile: float) -> float:
    """Where between `limit` and the AUC the observed AUC is `quantile` deviations away."""

    def excess(area: float) -> float:
        return (auc - area) ** 2 - quantile**2 * _hanley_mcneil_variance(area, positives, negatives)

    if auc == limit:
        return limit
    # At the limit the variance is 0, so that the excess is positive. An AUC of 0 or 1 is a root itself, and not
    # the one that is sought.
    beside = auc + 1e-9 * (limit - auc)
    return float(brentq(excess, limit, beside))


def _hanley_mcneil_variance(area: float, positives: int, negatives: int) -> float:
    """Hanley and McNeil, Radiology 143, 1982, with both counts replaced by their mean as Newcombe does."""
    mean = (positives + negatives) / 2 - 1
    spread = 1 + mean * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (positives * negatives)


def _components(
    is_positive: ArrayLike, scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUCs (models,) and their covariance (models, models). Args: scores: (models, images)."""
    positive = np.asarray(is_positive, bool)
    models, (hits, others) = len(scores), (int(positive.sum()), int((~positive).sum()))
    if not hits or not others:
        return np.full(models, np.nan), np.full((models, models), np.nan)
    ranks = rankdata(scores, axis=1)
    among_positives = rankdata(scores[:, positive], axis=1)
    among_negatives = rankdata(scores[:, ~positive], axis=1)
    # For each positive the share of negatives below it, and for each negative that of positives above it.
    below = (ranks[:, positive] - among_positives) / others
    above = 1.0 - (ranks[:, ~positive] - among_negatives) / hits
    if hits < 2 or others < 2:
        return below.mean(axis=1), np.full((models, models), np.nan)
    covariance = np.cov(below).reshape(models, models) / hits + np.cov(above).reshape(models, models) / others
    return below.mean(axis=1), covariance
