"""What the threshold explorer starts from; `explorer.js` does the same sums at the other thresholds."""

from dataclasses import dataclass
from typing import Any

from components.clinical_evaluator.content import ClinicalEvaluation
from components.report.content import CurvePoint
from components.report.figures.ranking import EXPLORED
from components.report.page.text import ratio


@dataclass(frozen=True)
class Explorer:
    """Attributes:
    last: place of the highest threshold.
    start: that of the frozen one.
    point: counts there.
    recall, specificity, positive_predictive_value, negative_predictive_value: None for 0/0.
    data: for the script.
    """

    last: int
    start: int
    point: CurvePoint
    recall: float | None
    specificity: float | None
    positive_predictive_value: float | None
    negative_predictive_value: float | None
    data: dict[str, Any]


def explorer(curve: list[CurvePoint], clinical: ClinicalEvaluation) -> Explorer | None:
    """None where there are no thresholds to choose from."""
    if not curve:
        return None
    frozen, prevalence = clinical.operating_point.threshold, clinical.operating_point.prevalence
    start = min(range(len(curve)), key=lambda place: abs(curve[place].threshold - frozen))
    point = curve[start]
    recall = ratio(point.true_positives, point.true_positives + point.false_negatives)
    specificity = ratio(point.true_negatives, point.true_negatives + point.false_positives)
    return Explorer(
        last=len(curve) - 1,
        start=start,
        point=point,
        recall=recall,
        specificity=specificity,
        positive_predictive_value=_predictive_value(recall, specificity, prevalence),
        negative_predictive_value=_predictive_value(specificity, recall, 1 - prevalence),
        data=_data(curve, start, prevalence),
    )


def _predictive_value(found: float | None, spared: float | None, prevalence: float) -> float | None:
    """By Bayes, of calls for a class of this prevalence.

    Args:
        found: share of the class that is called so.
        spared: share of the rest that is not.
    """
    if found is None or spared is None:
        return None
    hits, alarms = found * prevalence, (1 - spared) * (1 - prevalence)
    return ratio(hits, hits + alarms)


def _data(curve: list[CurvePoint], start: int, prevalence: float) -> dict[str, Any]:
    point = curve[0]
    return {
        "start": start,
        "mark": EXPLORED,
        "prevalence": prevalence,
        "positives": point.true_positives + point.false_negatives,
        "negatives": point.true_negatives + point.false_positives,
        "thresholds": [round(each.threshold, 6) for each in curve],
        "truePositives": [each.true_positives for each in curve],
        "falsePositives": [each.false_positives for each in curve],
    }
