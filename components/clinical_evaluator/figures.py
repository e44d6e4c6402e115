"""All figures of scored images that are bootstrapped, and the curves with their bands."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.clinical_evaluator.content import BandedCurve, Figure, Share
from components.clinical_evaluator.scored_images import ScoredImages
from components.measures.calibration import BinnedProbabilities
from components.measures.decisions import Binary, Decisions, accuracy, balanced_accuracy
from components.measures.group_bootstrap import Interval, group_bands, group_intervals
from components.measures.known import known
from components.measures.proportions import Proportion
from components.measures.ranking import Curve, RankedScores
from components.settings import ClinicalSettings

GRID: Final = np.linspace(0.0, 1.0, 101)

AUC: Final = "auc"
AVERAGE_PRECISION: Final = "average_precision"
MACRO_AUC: Final = "macro_auc"
RECALL: Final = "recall"
SPECIFICITY: Final = "specificity"
PPV: Final = "positive_predictive_value"
NPV: Final = "negative_predictive_value"
F1: Final = "f1"
MATTHEWS: Final = "matthews"
ACCURACY: Final = "accuracy"
BALANCED_ACCURACY: Final = "balanced_accuracy"
BRIER: Final = "brier"
CALIBRATION_ERROR: Final = "expected_calibration_error"


def class_auc(label: str) -> str:
    return f"{AUC} {label}"


def at_specificity(target: float) -> str:
    return f"sensitivity at specificity {target:g}"


def at_sensitivity(target: float) -> str:
    return f"specificity at sensitivity {target:g}"


def bootstrap(images: ScoredImages, settings: ClinicalSettings, prevalence: float) -> dict[str, Interval]:
    """Every figure by its name here, with its interval by group."""
    rankings = [RankedScores(images.truth == index, column) for index, column in enumerate(images.probabilities.T)]
    decisions = Decisions(images.truth, images.decided, len(images.labels))
    binned = BinnedProbabilities(images.is_positive, images.scores)

    def measure(weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        confusion = decisions.confusion(weights)
        curves = [ranking.curve(weights) for ranking in rankings]
        return {
            **_ranking(curves, images, settings),
            **_at_operating_point(confusion, images.positive, prevalence),
            BRIER: binned.brier(weights),
            CALIBRATION_ERROR: binned.expected_calibration_error(weights),
        }

    return group_intervals(images.groups, measure, settings.replicates, settings.seed)


def _ranking(curves: list[Curve], images: ScoredImages, settings: ClinicalSettings) -> dict[str, NDArray[np.float64]]:
    curve = curves[images.positive]
    figures = {AUC: curve.auc, AVERAGE_PRECISION: curve.average_precision}
    for target in settings.fixed_specificities:
        figures[at_specificity(target)] = curve.sensitivity_at_specificity(target)
    for target in settings.fixed_sensitivities:
        figures[at_sensitivity(target)] = curve.specificity_at_sensitivity(target)
    if len(curves) > 2:
        aucs = {class_auc(label): each.auc for label, each in zip(images.labels, curves, strict=True)}
        figures |= {**aucs, MACRO_AUC: np.mean(list(aucs.values()), axis=0)}
    return figures


def _at_operating_point(
    confusion: NDArray[np.float64], positive: int, prevalence: float
) -> dict[str, NDArray[np.float64]]:
    binary = Binary(confusion, positive)
    return {
        RECALL: binary.recall,
        SPECIFICITY: binary.specificity,
        PPV: binary.positive_predictive_value(prevalence),
        NPV: binary.negative_predictive_value(prevalence),
        F1: binary.f1,
        MATTHEWS: binary.matthews,
        ACCURACY: accuracy(confusion),
        BALANCED_ACCURACY: balanced_accuracy(confusion),
    }


def roc_curve(images: ScoredImages, settings: ClinicalSettings) -> BandedCurve:
    """Sensitivity over the rate of false positives."""
    return _banded(images, settings, lambda curve: curve.sensitivities(GRID))


def precision_recall_curve(images: ScoredImages, settings: ClinicalSettings) -> BandedCurve:
    """Precision over recall."""
    return _banded(images, settings, lambda curve: curve.precisions(GRID))


def _banded(
    images: ScoredImages, settings: ClinicalSettings, values: Callable[[Curve], NDArray[np.float64]]
) -> BandedCurve:
    ranking = RankedScores(images.is_positive, images.scores)
    band = group_bands(
        images.groups, lambda weights: values(ranking.curve(weights)), settings.replicates, settings.seed
    )
    return BandedCurve(
        x=[round(float(x), 2) for x in GRID], y=_known(band.value), low=_known(band.low), high=_known(band.high)
    )


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [known(float(value)) for value in values]


def figure(interval: Interval) -> Figure:
    return Figure(value=known(interval.value), low=known(interval.low), high=known(interval.high))


def share(found: Proportion) -> Share:
    return Share(figure=figure(found.interval), hits=found.hits, images=found.images, groups=found.groups)
