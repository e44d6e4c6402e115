"""The clinical evaluation as rows of tables, for the page and for the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from components.clinical_evaluator.content import ClinicalEvaluation, Figure, Share

# What figures mean, by title; `{positive}` is the positive class.
_MEANINGS: Final = {
    "AUC": "How well scores rank {positive} images above others (0.5 chance, 1 perfect), at any threshold.",
    "Average precision": "Precision averaged over every recall; guessing gives the share of {positive} images.",
    "Recall (sensitivity)": "Share of the {positive} images that are found.",
    "Specificity": "Share of the other images that are not called {positive}.",
    "Positive predictive value": "Share of the images called {positive} that are.",
    "Negative predictive value": "Share of the images not called {positive} that are not.",
    "F1 score": "Harmonic mean of precision and recall.",
    "Matthews correlation coefficient": "Agreement of truth and decision: 0 chance, 1 perfect, \u22121 the contrary.",
    "Accuracy": "Share of the images given the right class.",
    "Balanced accuracy": "Mean of the recalls of all classes.",
    "Brier score": "Mean squared error of the probabilities: 0 is perfect.",
    "Expected calibration error": "Mean difference of probability and frequency: 0 is perfect.",
}


@dataclass(frozen=True)
class FigureRow:
    """Attributes: method: of the interval; basis: what it rests on, besides; may be empty, as the meaning may."""

    title: str
    figure: Figure
    method: str
    basis: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class FigureGroup:
    """Figures of one kind."""

    title: str
    rows: list[FigureRow]


def figure_rows(evaluation: ClinicalEvaluation) -> list[FigureRow]:
    """Every figure with its interval, those of the positive class first."""
    return [row for group in figure_groups(evaluation) for row in group.rows]


def figure_groups(evaluation: ClinicalEvaluation) -> list[FigureGroup]:
    threshold = evaluation.operating_point.threshold
    return [
        FigureGroup("At any threshold", list(_discrimination(evaluation))),
        FigureGroup(f"At the threshold {threshold:.3f}", list(_operating_point(evaluation))),
        FigureGroup("Probabilities", list(_calibration(evaluation))),
    ]


def bootstrap_method(evaluation: ClinicalEvaluation) -> str:
    """How most of the intervals were made."""
    return f"bootstrap by group, {evaluation.replicates:,} draws"


def _discrimination(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    found, bootstrap = evaluation.discrimination, bootstrap_method(evaluation)
    yield FigureRow("AUC", found.auc, bootstrap, meaning=_meaning("AUC", evaluation))
    yield FigureRow("AUC", found.auc_delong, "DeLong", "as if images were independent")
    yield FigureRow("AUC", found.auc_newcombe, "Newcombe", "each group counted once")
    yield _bootstrapped("Average precision", found.average_precision, evaluation)
    for label, figure in found.class_aucs.items():
        if label != evaluation.positive_label:
            yield FigureRow(f"AUC of {label}", figure, bootstrap)
    if found.macro_auc:
        yield FigureRow("Mean AUC of the classes", found.macro_auc, bootstrap)
    for target, figure in found.sensitivity_at_specificity.items():
        yield FigureRow(f"Sensitivity at a specificity of {target}", figure, bootstrap)
    for target, figure in found.specificity_at_sensitivity.items():
        yield FigureRow(f"Specificity at a sensitivity of {target}", figure, bootstrap)


def _operating_point(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    found = evaluation.operating_point
    yield _counted("Recall (sensitivity)", found.recall, evaluation)
    yield _counted("Specificity", found.specificity, evaluation)
    yield _predictive("Positive predictive value", found.positive_predictive_value, evaluation)
    yield _predictive("Negative predictive value", found.negative_predictive_value, evaluation)
    yield _bootstrapped("F1 score", found.f1, evaluation)
    yield _bootstrapped("Matthews correlation coefficient", found.matthews, evaluation)
    yield _bootstrapped("Accuracy", found.accuracy, evaluation)
    yield _bootstrapped("Balanced accuracy", found.balanced_accuracy, evaluation)


def _calibration(evaluation: ClinicalEvaluation) -> Iterator[FigureRow]:
    found = evaluation.calibration
    yield _bootstrapped("Brier score", found.brier, evaluation)
    yield _bootstrapped("Expected calibration error", found.expected_calibration_error, evaluation)


def _counted(title: str, share: Share, evaluation: ClinicalEvaluation) -> FigureRow:
    return FigureRow(title, share.figure, "Wilson", _counts(share), _meaning(title, evaluation))


def _bootstrapped(title: str, figure: Figure, evaluation: ClinicalEvaluation) -> FigureRow:
    return FigureRow(title, figure, bootstrap_method(evaluation), meaning=_meaning(title, evaluation))


def _predictive(title: str, figure: Figure, evaluation: ClinicalEvaluation) -> FigureRow:
    point = evaluation.operating_point
    stated = "stated" if point.prevalence_is_stated else "that of the test images"
    return FigureRow(
        f"{title} at a prevalence of {point.prevalence:.3g} ({stated})",
        figure,
        bootstrap_method(evaluation),
        meaning=_meaning(title, evaluation),
    )


def _meaning(title: str, evaluation: ClinicalEvaluation) -> str:
    return _MEANINGS[title].format(positive=evaluation.positive_label)


def _counts(share: Share) -> str:
    return f"{share.hits:,} of {share.images:,} images; {share.groups:,} groups counted once each"
