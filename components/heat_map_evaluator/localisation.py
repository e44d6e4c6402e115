"""Scores of heat maps against lesion masks, beside what a uniform map would get by chance.

Pointing game: whether the peak of the map lies in the mask (Zhang et al., "Top-down neural attention by excitation
backprop", IJCV 2018), here without any tolerance around the mask. Energy: the share of the map's sum that falls in
the mask (Wang et al., "Score-CAM", CVPR workshops 2020). For a uniform map both are the mask's share of the image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Localisation:
    """Means over images; NaN where none could be scored.

    Attributes:
        pointing: share of the maps whose peak lies in the mask; of a peak of several places, the share of them.
        energy: mean share of the sum of a map that falls in the mask.
        chance: mean share of the image that the mask covers, which a uniform map gets in both.
        scored: number of images with a mask that is not empty and a map that is not zero everywhere.
        silent: number of images with a mask, but a map that is zero everywhere.
        unmarked: number of images whose mask is empty.
    """

    pointing: float
    energy: float
    chance: float
    scored: int
    silent: int
    unmarked: int


def localise(heat_maps: NDArray[np.floating], masks: NDArray[np.bool_]) -> Localisation:
    """Scores maps against masks.

    Args:
        heat_maps: (images, rows, columns), not negative.
        masks: of the same shape.

    Raises ValueError for maps and masks of different shapes, and for values below 0 or that are no numbers.
    """
    if heat_maps.shape != masks.shape:
        raise ValueError(f"the heat maps have the shape {heat_maps.shape}, the masks {masks.shape}")
    if not np.all((heat_maps >= 0.0) & np.isfinite(heat_maps)):
        raise ValueError("a heat map holds values below 0 or that are no finite numbers")
    marked, speaking = masks.any(axis=(1, 2)), heat_maps.any(axis=(1, 2))
    scored = marked & speaking
    chosen, inside = heat_maps[scored].astype(np.float64), masks[scored]
    return Localisation(
        pointing=_mean(_share_inside(chosen == chosen.max(axis=(1, 2), keepdims=True), inside)),
        energy=_mean(_share_inside(chosen, inside)),
        chance=_mean(inside.mean(axis=(1, 2))),
        scored=int(scored.sum()),
        silent=int((marked & ~speaking).sum()),
        unmarked=int((~marked).sum()),
    )


def _share_inside(values: NDArray[np.generic], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(images,): of the sum over an image, the share within the mask."""
    shares: NDArray[np.float64] = (values * masks).sum(axis=(1, 2)) / values.sum(axis=(1, 2))
    return shares


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if values.size else np.nan
