"""The clinical evaluation as rows of the report's tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.clinical_evaluator.content import ClinicalEvaluation, Figure, Share


@dataclass(frozen=True)
class FigureRow:
    """Attributes: method: of the interval; basis: what it rests on, besides; may be empty."""

    title: str
    figure: Figure
    method: str
    basis: str = ""


def figure_rows(evaluation: ClinicalEvaluation) -> list[FigureRow]:
    """Every figure with its interval, those of the positive class first."""
    return [*_discrimination(evaluation), *_operating_point(evaluation), *_calibration(evaluation)]


def _discrimination(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    found, bootstrap = evaluation.discrimination, _bootstrap(evaluation)
    yield FigureRow("AUC", found.auc, *bootstrap)
    yield FigureRow("AUC", found.auc_delong, "DeLong", "as if images were independent")
    yield FigureRow("AUC", found.auc_newcombe, "Newcombe", "each group counted once")
    yield FigureRow("Average precision", found.average_precision, *bootstrap)
    for label, figure in found.class_aucs.items():
        if label != evaluation.positive_label:
            yield FigureRow(f"AUC of {label}", figure, *bootstrap)
    if found.macro_auc:
        yield FigureRow("Mean AUC of the classes", found.macro_auc, *bootstrap)
    for target, figure in found.sensitivity_at_specificity.items():
        yield FigureRow(f"Sensitivity at a specificity of {target}", figure, *bootstrap)
    for target, figure in found.specificity_at_sensitivity.items():
        yield FigureRow(f"Specificity at a sensitivity of {target}", figure, *bootstrap)


def _operating_point(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    found, bootstrap = evaluation.operating_point, _bootstrap(evaluation)
    yield FigureRow("Recall (sensitivity)", found.recall.figure, "Wilson", _counts(found.recall))
    yield FigureRow("Specificity", found.specificity.figure, "Wilson", _counts(found.specificity))
    stated = "stated" if found.prevalence_is_stated else "that of the test images"
    prevalence = f"at a prevalence of {found.prevalence:.3g} ({stated})"
    yield FigureRow(f"Positive predictive value {prevalence}", found.positive_predictive_value, *bootstrap)
    yield FigureRow(f"Negative predictive value {prevalence}", found.negative_predictive_value, *bootstrap)
    yield FigureRow("F1 score", found.f1, *bootstrap)
    yield FigureRow("Matthews correlation coefficient", found.matthews, *bootstrap)
    yield FigureRow("Accuracy", found.accuracy, *bootstrap)
    yield FigureRow("Balanced accuracy", found.balanced_accuracy, *bootstrap)


def _calibration(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    bootstrap = _bootstrap(evaluation)
    yield FigureRow("Brier score", evaluation.calibration.brier, *bootstrap)
    yield FigureRow("Expected calibration error", evaluation.calibration.expected_calibration_error, *bootstrap)


def _bootstrap(evaluation: ClinicalEvaluation) -> tuple[str, str]:
    return "bootstrap by group", f"{evaluation.replicates:,} draws"


def _counts(share: Share) -> str:
    return f"{share.hits:,} of {share.images:,} images; {share.groups:,} groups counted once each"
