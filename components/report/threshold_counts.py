"""What would be decided at other thresholds."""

from typing import Final

import numpy as np

from components.clinical_evaluator.scored_images import ScoredImages
from components.report.content import CurvePoint
from components.report.thinning import thin

MOST_THRESHOLDS: Final = 500


def threshold_counts(images: ScoredImages) -> list[CurvePoint]:
    """Counts of the positive class against the rest, at ascending thresholds.

    These are the scores themselves, since nothing changes between two, with 0, 1 and the frozen threshold. Of more
    than `MOST_THRESHOLDS` scores some are left out, evenly by their rank.
    """
    thresholds = np.union1d(thin(np.unique(images.scores), MOST_THRESHOLDS), [0.0, images.threshold, 1.0])
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
