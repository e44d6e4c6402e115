"""The charts of the page: figures with their titles and captions."""

import json
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from components.clinical_evaluator.content import ClinicalEvaluation
from components.report.content import Training
from components.report.figures import learning, probabilities, ranking
from components.report.page.text import format_figure, format_number, out_of

# Plotly's dashes as SVG has them.
_SVG_DASHES: Final = {"solid": "", "dash": "9 5", "dot": "2.5 3", "dashdot": "9 4 2.5 4", "longdash": "14 5"}


@dataclass(frozen=True)
class LegendEntry:
    """A class whose name is no part of the figure.

    Attributes:
        dashes: of its line, as SVG has them; may be empty.
        symbol: where it has no line, the path of its mark as SVG has it, 16 units wide.
    """

    text: str
    colour: str
    dashes: str
    symbol: str = ""


@dataclass(frozen=True)
class Chart:
    """A figure as JSON for plotly.js, or, where there is nothing to draw, the reason."""

    identifier: str
    title: str
    caption: str
    figure: dict[str, Any] | None
    missing: str
    legend: tuple[LegendEntry, ...] = ()


def learning_charts(training: Training) -> list[Chart]:
    charts = [_learning_chart(training, learning.loss(training), "loss", "Loss")]
    if "auc" in training.history or "val_auc" in training.history:
        charts.append(_learning_chart(training, learning.auc(training), "auc", "AUC"))
    return charts


def ranking_charts(clinical: ClinicalEvaluation) -> list[Chart]:
    positive = clinical.positive_label
    missing = f"There is no curve to draw: it needs {positive} images and others."
    return [
        make_chart("roc", "ROC curve", _roc_caption(clinical), ranking.roc(clinical), missing),
        make_chart(
            "precision-recall",
            "Precision-recall curve",
            _precision_recall_caption(clinical),
            ranking.precision_recall(clinical),
            missing,
        ),
    ]


def probability_charts(clinical: ClinicalEvaluation) -> list[Chart]:
    missing = "There are no images to draw."
    return [
        make_chart(
            "reliability",
            "Reliability diagram",
            _reliability_caption(clinical),
            probabilities.reliability(clinical),
            missing,
        ),
        make_chart(
            "scores",
            "Probabilities by class",
            _scores_caption(clinical),
            probabilities.scores(clinical),
            missing,
            _class_legend(clinical),
        ),
    ]


def make_chart(
    identifier: str,
    title: str,
    caption: str,
    figure: go.Figure,
    missing: str,
    legend: tuple[LegendEntry, ...] = (),
) -> Chart:
    """Of a figure, which may be empty. Args: missing: why, for that case."""
    # Through plotly's own encoder, which knows its types and writes NaN as null.
    drawn = json.loads(figure.to_json()) if figure.data else None
    return Chart(identifier, title, caption, drawn, missing, legend)


def _learning_chart(training: Training, figure: go.Figure, metric: str, title: str) -> Chart:
    caption = _learning_caption(training, metric)
    return make_chart(f"history-{metric}", title, caption, figure, "No values per epoch were recorded.")


def _learning_caption(training: Training, metric: str) -> str:
    series = {"train": training.history.get(metric, []), "eval": training.history.get(f"val_{metric}", [])}
    epochs = max(len(values) for values in series.values())
    sentences = []
    for when, epoch in (("Best epoch", training.best_epoch), ("Last epoch", epochs)):
        values = [
            f"{split} {format_number(values[epoch - 1])}"
            for split, values in series.items()
            if 1 <= epoch <= len(values)
        ]
        if values:
            sentences.append(f"{when} ({epoch} of {epochs}): {', '.join(values)}.")
    return " ".join(sentences)


def _roc_caption(clinical: ClinicalEvaluation) -> str:
    point = clinical.operating_point
    return (
        f"AUC {format_figure(clinical.discrimination.auc)}. At the threshold {format_number(point.threshold)}:"
        f" sensitivity {format_figure(point.recall.figure)}, {out_of(point.recall.hits, point.recall.images)} images;"
        f" specificity {format_figure(point.specificity.figure)},"
        f" {out_of(point.specificity.hits, point.specificity.images)} images."
    )


def _precision_recall_caption(clinical: ClinicalEvaluation) -> str:
    return (
        f"Average precision {format_figure(clinical.discrimination.average_precision)}."
        f" At the threshold {format_number(clinical.operating_point.threshold)}: precision"
        f" {format_number(ranking.precision(clinical))} on these images. Share of positives, the precision of"
        f" guessing: {format_number(ranking.prevalence(clinical))}."
    )


def _reliability_caption(clinical: ClinicalEvaluation) -> str:
    found = clinical.calibration
    return (
        f"Brier score {format_figure(found.brier)}. Expected calibration error"
        f" {format_figure(found.expected_calibration_error)}. Intervals of the bins are Wilson's, each group counted"
        " once; below is the number of images in each bin."
    )


def _scores_caption(clinical: ClinicalEvaluation) -> str:
    return (
        f"Probability of {clinical.positive_label}, as shares of the images of each true class. The upright line is"
        f" the threshold {format_number(clinical.operating_point.threshold)}."
    )


def _class_legend(clinical: ClinicalEvaluation) -> tuple[LegendEntry, ...]:
    """The classes with images, in the colours and dashes of their lines."""
    return tuple(
        LegendEntry(
            f"{label} ({sum(counts):,} images)",
            probabilities.class_colour(index),
            _SVG_DASHES[probabilities.class_dash(index)],
        )
        for index, (label, counts) in enumerate(clinical.scores.counts.items())
        if sum(counts)
    )
