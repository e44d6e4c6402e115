"""What would be decided at other thresholds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.clinical_evaluator.scored_images import ScoredImages
from components.report.content import CurvePoint

MOST_THRESHOLDS: Final = 500


def threshold_counts(images: ScoredImages) -> list[CurvePoint]:
    """Counts of the positive class against the rest, at ascending thresholds.

    These are the scores themselves, since nothing changes between two, with 0, 1 and the frozen threshold. Of more
    than `MOST_THRESHOLDS` scores some are left out, evenly by their rank.
    """
    thresholds = np.union1d(_thinned(np.unique(images.scores)), [0.0, images.threshold, 1.0])
    positives, negatives = (np.sort(images.scores[chosen]) for chosen in (images.is_positive, ~images.is_positive))
    missed, cleared = np.searchsorted(positives, thresholds), np.searchsorted(negatives, thresholds)
    return [
        CurvePoint(
            threshold=threshold,
            true_positives=len(positives) - below,
            false_positives=len(negatives) - rest_below,
            true_negatives=rest_below,
            false_negatives=below,
        )
        for threshold, below, rest_below in zip(thresholds.tolist(), missed.tolist(), cleared.tolist(), strict=True)
    ]


def _thinned(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(scores) <= MOST_THRESHOLDS:
        return scores
    return scores[np.linspace(0, len(scores) - 1, MOST_THRESHOLDS).round().astype(int)]
