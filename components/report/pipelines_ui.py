"""What the Kubeflow Pipelines UI shows of a report besides its page: figures, an ROC curve, a confusion matrix."""

from typing import Any, Final

import numpy as np
from kfp import dsl

from components.report.content import ReportContent
from components.report.thinning import thin

# Metadata are stored in a database, and no screen shows more.
_MOST_POINTS: Final = 100


def metrics(content: ReportContent) -> dict[str, float]:
    """Figures by name; those that are not defined are absent, as the launcher fails on nulls."""
    point, discrimination = content.clinical.operating_point, content.clinical.discrimination
    figures: dict[str, float | None] = {
        "auc": discrimination.auc.value,
        "auc_lower_bound": discrimination.auc_low,
        "average_precision": discrimination.average_precision.value,
        "recall": point.recall.figure.value,
        "recall_lower_bound": point.recall.figure.low,
        "specificity": point.specificity.figure.value,
        "balanced_accuracy": point.balanced_accuracy.value,
        "threshold": point.threshold,
        "brier_score": content.clinical.calibration.brier.value,
        "expected_calibration_error": content.clinical.calibration.expected_calibration_error.value,
        "test_images": sum(content.clinical.cohort.images.values()),
        "test_patients_or_groups": content.clinical.cohort.groups,
        "blessed": float(content.gate.blessed) if content.gate else None,
        "published_version": float(content.publication.version) if content.publication else None,
    }
    return {name: float(value) for name, value in figures.items() if value is not None}


def classification_metrics(content: ReportContent) -> dict[str, Any]:
    """`confidenceMetrics`, where there are images of both kinds, and `confusionMatrix`, as the UI reads them."""
    drawn = dsl.ClassificationMetrics()
    drawn.log_confusion_matrix(content.clinical.labels, content.clinical.operating_point.confusion)
    counts = np.array(
        [
            (
                point.threshold,
                point.false_positives,
                point.true_negatives,
                point.true_positives,
                point.false_negatives,
            )
            for point in content.curve
        ]
    ).reshape(-1, 5)
    thresholds, false_positives, true_negatives, true_positives, false_negatives = thin(counts, _MOST_POINTS).T
    negatives, positives = false_positives + true_negatives, true_positives + false_negatives
    if len(counts) and negatives.all() and positives.all():
        rates = ((false_positives / negatives).tolist(), (true_positives / positives).tolist())
        drawn.log_roc_curve(*rates, thresholds.tolist())
    found: dict[str, Any] = drawn.metadata
    return found
