"""Shares of images, such as recall, with intervals that know how many independent groups they rest on."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from components.measures.group_bootstrap import CONFIDENCE, Interval

QUANTILE: Final = float(norm.ppf((1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class Proportion:
    """A share with its interval.

    Attributes:
        hits, images: counts.
        groups: patients, or what stands for them, among those images.
        interval: `wilson` of the share, each group counted as one observation.
    """

    hits: int
    images: int
    groups: int
    interval: Interval


def proportion(is_hit: ArrayLike, groups: ArrayLike) -> Proportion:
    """The share of hits among images that come in groups; NaN where there are none.

    Images of a patient tend to be right or wrong together, and so few misses as a good model makes cannot tell how
    much. So the interval is that of one observation for each group: too wide where images of a group are independent,
    right where they are not, and Wilson's own where each group is one image.

    Args:
        is_hit: bool (images,).
        groups: (images,).
    """
    hit = np.asarray(is_hit, bool)
    number = len(np.unique(np.asarray(groups)))
    share = float(hit.mean()) if len(hit) else math.nan
    return Proportion(int(hit.sum()), len(hit), number, Interval(share, *wilson(share, number)))


def wilson(share: float, observations: float) -> tuple[float, float]:
    """Wilson's score interval at 95 % (JASA 22, 1927); NaN where there is nothing observed."""
    if not observations or not math.isfinite(share):
        return math.nan, math.nan
    square = QUANTILE**2 / observations
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def observations_needed(share: float, bound: float) -> int | None:
    """The fewest observations with this share whose interval starts at the bound or above; None where none do."""
    if share <= bound:
        return None
    # With c = z^2 / n the lower end is the bound where (share - bound)^2 = c * bound * (1 - bound).
    needed = QUANTILE**2 * bound * (1 - bound) / (share - bound) ** 2
    return max(1, math.ceil(round(needed, 9)))
