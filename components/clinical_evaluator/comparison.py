"""Two models on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.clinical_evaluator.content import Comparison
from components.clinical_evaluator.figures import AUC, RECALL, SPECIFICITY, figure
from components.clinical_evaluator.scored_images import ScoredImages
from components.measures.auc_intervals import delong_difference
from components.measures.decisions import Binary, Decisions
from components.measures.group_bootstrap import group_intervals
from components.measures.known import known
from components.measures.ranking import RankedScores
from components.settings import ClinicalSettings


@dataclass(frozen=True)
class Baseline:
    """Attributes:
    name: what identifies an earlier model.
    images: its answers at its own threshold.
    """

    name: str
    images: ScoredImages


def compare(images: ScoredImages, baseline: Baseline, settings: ClinicalSettings) -> Comparison:
    """The model less the baseline, on the same images in the same order."""
    both = [_Measured(images), _Measured(baseline.images)]

    def differences(weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        mine, other = (measured.figures(weights) for measured in both)
        return {name: mine[name] - other[name] for name in mine}

    found = group_intervals(images.groups, differences, settings.replicates, settings.seed)
    delong = delong_difference(images.is_positive, images.scores, baseline.images.scores)
    return Comparison(
        baseline=baseline.name,
        auc=figure(found[AUC]),
        auc_delong=figure(delong.difference),
        p_value=known(delong.p_value),
        recall=figure(found[RECALL]),
        specificity=figure(found[SPECIFICITY]),
    )


class _Measured:
    """The figures that are compared."""

    def __init__(self, images: ScoredImages) -> None:
        self._positive = images.positive
        self._ranking = RankedScores(images.is_positive, images.scores)
        self._decisions = Decisions(images.truth, images.decided, len(images.labels))

    def figures(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        binary = Binary(self._decisions.confusion(weights), self._positive)
        return {
            AUC: self._ranking.curve(weights).auc,
            RECALL: binary.recall,
            SPECIFICITY: binary.specificity,
        }
