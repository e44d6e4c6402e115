"""ROC and precision-recall curves with their bands and the operating point."""

from typing import Any, Final

import plotly.graph_objects as go

from components.clinical_evaluator.content import BandedCurve, ClinicalEvaluation, Figure
from components.report.figures.style import (
    INK,
    MAIN,
    MARK,
    add_band,
    add_reference,
    make_figure,
    mark,
    unit_range,
)

EXPLORED: Final = "Chosen below"


def roc(clinical: ClinicalEvaluation) -> go.Figure:
    """ROC curve with the line of chance."""
    if not _is_drawn(clinical.roc):
        return go.Figure()
    figure = make_figure("False positive rate (1 \u2212 specificity)", "True positive rate (sensitivity)")
    add_reference(figure, "Chance", 0.0, 1.0)
    _add_curve(figure, clinical.roc, "False positive rate", "True positive rate")
    point = clinical.operating_point
    _add_operating_point(figure, _complement(point.specificity.figure), point.recall.figure, point.threshold)
    return _finished(figure)


def precision_recall(clinical: ClinicalEvaluation) -> go.Figure:
    """Precision against recall, with the share of positives among the tested images."""
    if not _is_drawn(clinical.precision_recall):
        return go.Figure()
    figure = make_figure("Recall (sensitivity)", "Precision (share of positive calls)")
    share = prevalence(clinical)
    add_reference(figure, "Share of positives", share, share)
    _add_curve(figure, clinical.precision_recall, "Recall", "Precision")
    point = clinical.operating_point
    _add_operating_point(figure, point.recall.figure, Figure(value=precision(clinical)), point.threshold)
    return _finished(figure)


def prevalence(clinical: ClinicalEvaluation) -> float:
    """Of the tested images; the precision of a classifier that guesses."""
    images = clinical.cohort.images
    return images[clinical.positive_label] / sum(images.values())


def precision(clinical: ClinicalEvaluation) -> float | None:
    """On the tested images, whose prevalence need not be the one that predictive values are stated for."""
    positive = clinical.labels.index(clinical.positive_label)
    called = sum(row[positive] for row in clinical.operating_point.confusion)
    return clinical.operating_point.confusion[positive][positive] / called if called else None


def _is_drawn(curve: BandedCurve) -> bool:
    return any(y is not None for y in curve.y)


def _add_curve(figure: go.Figure, curve: BandedCurve, x_name: str, y_name: str) -> None:
    ends = [
        (x, low, high)
        for x, low, high in zip(curve.x, curve.low, curve.high, strict=True)
        if low is not None and high is not None
    ]
    if ends:
        x, low, high = zip(*ends, strict=True)
        add_band(figure, x, low, high)
    template = "%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})"
    figure.add_trace(
        go.Scatter(
            x=curve.x,
            y=curve.y,
            customdata=list(zip(curve.low, curve.high, strict=True)),
            mode="lines",
            line={"color": MAIN, "width": 2.5},
            name="Model",
            hovertemplate=f"{x_name} %{{x:.2f}}<br>{y_name} {template}<extra></extra>",
        )
    )


def _add_operating_point(figure: go.Figure, x: Figure, y: Figure, threshold: float) -> None:
    """With its intervals, and the mark that the threshold explorer moves, which starts there."""
    if x.value is None or y.value is None:
        return
    template = f"Operating point<br>%{{x:.3f}}, %{{y:.3f}}<br>Threshold {threshold:.4f}<extra></extra>"
    point = mark(x.value, y.value, "Operating point", template)
    figure.add_trace(point.update(error_x=_error_bar(x), error_y=_error_bar(y)))
    explored = mark(x.value, y.value, EXPLORED, f"{EXPLORED}<br>%{{x:.3f}}, %{{y:.3f}}<extra></extra>")
    ring = {"color": INK, "size": 17, "symbol": "circle-open", "line": {"color": INK, "width": 2}}
    figure.add_trace(explored.update(marker=ring))


def _error_bar(figure: Figure) -> dict[str, Any]:
    if figure.value is None or figure.low is None or figure.high is None:
        return {"visible": False}
    above, below = figure.high - figure.value, figure.value - figure.low
    return {"type": "data", "array": [above], "arrayminus": [below], "color": MARK, "thickness": 1.5, "width": 4}


def _complement(figure: Figure) -> Figure:
    """One less the figure, with the ends of the interval swapped."""
    low, high = figure.high, figure.low
    return Figure(
        value=None if figure.value is None else 1 - figure.value,
        low=None if low is None else 1 - low,
        high=None if high is None else 1 - high,
    )


def _finished(figure: go.Figure) -> go.Figure:
    return figure.update_xaxes(**unit_range()).update_yaxes(**unit_range())
