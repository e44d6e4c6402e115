"""From scored images to the whole clinical evaluation."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from components.clinical_evaluator import figures
from components.clinical_evaluator.comparison import Baseline, compare
from components.clinical_evaluator.content import (
    Calibration,
    ClassScores,
    ClinicalEvaluation,
    Cohort,
    Discrimination,
    OperatingPoint,
    ReliabilityBin,
    ScoreCount,
)
from components.clinical_evaluator.figures import figure, share
from components.clinical_evaluator.scored_images import ScoredImages
from components.clinical_evaluator.slices import evaluate_slices
from components.clinical_evaluator.verdict import judge
from components.measures.auc_intervals import delong, newcombe
from components.measures.calibration import BINS, BinnedProbabilities
from components.measures.group_bootstrap import Interval
from components.measures.known import known
from components.measures.proportions import proportion
from components.settings import ClinicalEvaluationSettings, ClinicalSettings


def evaluate(
    model: str,
    images: ScoredImages,
    baseline: Baseline | None,
    notes: list[str],
    settings: ClinicalEvaluationSettings,
) -> ClinicalEvaluation:
    """Args:
    model: its name.
    baseline: the latest blessed model on the same images; None where there is nothing to compare with.
    notes: what a reader has to know besides, such as why there is no baseline.
    """
    clinical = settings.clinical
    prevalence = clinical.prevalence or float(images.is_positive.mean())
    intervals = figures.bootstrap(images, clinical, prevalence)
    cohort, discrimination = _cohort(images), _discrimination(images, intervals, clinical)
    operating_point = _operating_point(images, intervals, prevalence, clinical)
    comparison = compare(images, baseline, clinical) if baseline else None
    classes, averages = _class_scores(images)
    return ClinicalEvaluation(
        model=model,
        labels=list(images.labels),
        positive_label=images.labels[images.positive],
        splits=list(settings.splits),
        replicates=clinical.replicates,
        cohort=cohort,
        discrimination=discrimination,
        operating_point=operating_point,
        classes=classes,
        averages=averages,
        calibration=_calibration(images, intervals),
        roc=figures.roc_curve(images, clinical),
        precision_recall=figures.precision_recall_curve(images, clinical),
        scores=_score_counts(images),
        slices=evaluate_slices(images, clinical),
        comparison=comparison,
        verdict=judge(
            images.labels[images.positive], cohort, discrimination, operating_point, comparison, notes, clinical
        ),
    )


def _cohort(images: ScoredImages) -> Cohort:
    counts = np.bincount(images.truth, minlength=len(images.labels))
    return Cohort(
        images={label: int(count) for label, count in zip(images.labels, counts, strict=True)},
        groups=_number(images.groups),
        positive_groups=_number(images.groups[images.is_positive]),
        negative_groups=_number(images.groups[~images.is_positive]),
    )


def _discrimination(
    images: ScoredImages, intervals: Mapping[str, Interval], settings: ClinicalSettings
) -> Discrimination:
    auc = intervals[figures.AUC]
    positives, negatives = _number(images.groups[images.is_positive]), _number(images.groups[~images.is_positive])
    several = len(images.labels) > 2
    return Discrimination(
        auc=figure(auc),
        auc_delong=figure(delong(images.is_positive, images.scores)),
        auc_newcombe=figure(newcombe(auc.value, positives, negatives)),
        average_precision=figure(intervals[figures.AVERAGE_PRECISION]),
        class_aucs={label: figure(intervals[figures.class_auc(label)]) for label in images.labels} if several else {},
        macro_auc=figure(intervals[figures.MACRO_AUC]) if several else None,
        sensitivity_at_specificity={
            f"{target:g}": figure(intervals[figures.at_specificity(target)])
            for target in settings.fixed_specificities
        },
        specificity_at_sensitivity={
            f"{target:g}": figure(intervals[figures.at_sensitivity(target)])
            for target in settings.fixed_sensitivities
        },
    )


def _operating_point(
    images: ScoredImages, intervals: Mapping[str, Interval], prevalence: float, settings: ClinicalSettings
) -> OperatingPoint:
    positive, called = images.is_positive, images.called_positive
    confusion = confusion_matrix(images.truth, images.decided, labels=range(len(images.labels)))
    return OperatingPoint(
        threshold=images.threshold,
        prevalence=prevalence,
        prevalence_is_stated=settings.prevalence is not None,
        recall=share(proportion(called[positive], images.groups[positive])),
        specificity=share(proportion(~called[~positive], images.groups[~positive])),
        positive_predictive_value=figure(intervals[figures.PPV]),
        negative_predictive_value=figure(intervals[figures.NPV]),
        f1=figure(intervals[figures.F1]),
        matthews=figure(intervals[figures.MATTHEWS]),
        accuracy=figure(intervals[figures.ACCURACY]),
        balanced_accuracy=figure(intervals[figures.BALANCED_ACCURACY]),
        confusion=confusion.tolist(),
    )


def _class_scores(images: ScoredImages) -> tuple[dict[str, ClassScores], dict[str, ClassScores]]:
    """Of each class against the rest, and their averages."""
    indices = list(range(len(images.labels)))
    each = precision_recall_fscore_support(images.truth, images.decided, labels=indices, zero_division=np.nan)
    classes = {
        label: _scores(precision, recall, f1, support)
        for label, precision, recall, f1, support in zip(images.labels, *each, strict=True)
    }
    averages = {}
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = precision_recall_fscore_support(
            images.truth, images.decided, labels=indices, average=average, zero_division=np.nan
        )
        averages[average] = _scores(precision, recall, f1, len(images))
    return classes, averages


def _scores(precision: float, recall: float, f1: float, support: int) -> ClassScores:
    return ClassScores(
        precision=known(float(precision)), recall=known(float(recall)), f1=known(float(f1)), support=int(support)
    )


def _calibration(images: ScoredImages, intervals: Mapping[str, Interval]) -> Calibration:
    binned = BinnedProbabilities(images.is_positive, images.scores)
    return Calibration(
        brier=figure(intervals[figures.BRIER]),
        expected_calibration_error=figure(intervals[figures.CALIBRATION_ERROR]),
        bins=[
            ReliabilityBin(
                low=number / BINS,
                high=(number + 1) / BINS,
                images=int(members.sum()),
                mean_probability=float(images.scores[members].mean()),
                observed=share(proportion(images.is_positive[members], images.groups[members])),
            )
            for number, members in enumerate(binned.members())
            if members.any()
        ],
    )


def _score_counts(images: ScoredImages) -> ScoreCount:
    edges = np.linspace(0.0, 1.0, 2 * BINS + 1)
    return ScoreCount(
        counts={
            label: np.histogram(images.scores[images.truth == index], edges)[0].tolist()
            for index, label in enumerate(images.labels)
        }
    )


def _number(groups: NDArray[np.str_]) -> int:
    return len(np.unique(groups))
