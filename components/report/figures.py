"""Plotly figures of the report, and the rates they draw.

No text from outside (labels, file names) goes into a figure: plotly reads its text as a kind of HTML.
A figure without data is returned empty, and the page says in words why.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from components.report.content import CurvePoint, ReportContent

FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif'
INK: Final = "#1c2b36"
GRID: Final = "#dfe6ea"
AXIS: Final = "#6b7c88"
MAIN: Final = "#0b6179"
SECOND: Final = "#7a5195"
REFERENCE: Final = "#66757f"
MARK: Final = "#b3430b"

MARKER_LIMIT: Final = 40  # beyond this many epochs the markers would run into a band
EPOCH_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MOST_TICKS: Final = 10

CONFIG: Final[dict[str, Any]] = {
    "responsive": True,
    "displayModeBar": False,
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
    "showTips": False,
}


@dataclass(frozen=True)
class RatePoint:
    """A point of a curve, at one threshold."""

    threshold: float
    x: float
    y: float


def ratio(part: float, whole: float) -> float | None:
    """The share, or None for 0/0."""
    return part / whole if whole else None


def recall(point: CurvePoint) -> float | None:
    return ratio(point.true_positives, point.true_positives + point.false_negatives)


def precision(point: CurvePoint) -> float | None:
    return ratio(point.true_positives, point.true_positives + point.false_positives)


def false_positive_rate(point: CurvePoint) -> float | None:
    return ratio(point.false_positives, point.false_positives + point.true_negatives)


def prevalence(point: CurvePoint) -> float | None:
    """Share of positives; the precision of a classifier that guesses."""
    positives = point.true_positives + point.false_negatives
    return ratio(positives, positives + point.false_positives + point.true_negatives)


def operating_point(content: ReportContent) -> CurvePoint:
    """The positive class against the rest, counted from the confusion matrix.

    The curve need not hold the frozen threshold; the confusion matrix was taken at it.
    """
    index = content.labels.index(content.positive_label)
    total = sum(sum(row) for row in content.confusion)
    positives = sum(content.confusion[index])
    called = sum(row[index] for row in content.confusion)
    hits = content.confusion[index][index]
    return CurvePoint(
        threshold=content.threshold,
        true_positives=hits,
        false_positives=called - hits,
        true_negatives=total - positives - called + hits,
        false_negatives=positives - hits,
    )


def roc_point(point: CurvePoint) -> RatePoint | None:
    """None where there are no positives or no negatives."""
    return _rate_point(point, false_positive_rate, recall)


def precision_recall_point(point: CurvePoint) -> RatePoint | None:
    """None where there are no positives, or where nothing is called positive."""
    return _rate_point(point, recall, precision)


def roc_points(curve: Sequence[CurvePoint]) -> list[RatePoint]:
    return [rates for point in curve if (rates := roc_point(point)) is not None]


def precision_recall_points(curve: Sequence[CurvePoint]) -> list[RatePoint]:
    return [rates for point in curve if (rates := precision_recall_point(point)) is not None]


def roc(content: ReportContent) -> go.Figure:
    """ROC curve with the line of chance and the operating point."""
    points = roc_points(content.curve)
    if not points:
        return go.Figure()
    figure = _figure("False positive rate (share of negatives)", "True positive rate (share of positives)")
    _add_reference(figure, "Chance", 0.0, 1.0)
    figure.add_trace(_curve(points, "linear", "False positive rate", "True positive rate"))
    _add_operating_point(figure, roc_point(operating_point(content)))
    _unit_axes(figure)
    return figure


def precision_recall(content: ReportContent) -> go.Figure:
    """Precision against recall, with the share of positives and the operating point."""
    points = precision_recall_points(content.curve)
    if not points:
        return go.Figure()
    figure = _figure("Recall (share of positives)", "Precision (share of positive calls)")
    share = prevalence(content.curve[0])
    if share is not None:
        _add_reference(figure, "Share of positives", share, share)
    # A step, as straight lines between the points would promise precision that no threshold gives.
    figure.add_trace(_curve(points, "hv", "Recall", "Precision"))
    _add_operating_point(figure, precision_recall_point(operating_point(content)))
    _unit_axes(figure)
    return figure


def loss(content: ReportContent) -> go.Figure:
    return _learning_curve(content, "loss", "Loss (no unit)")


def auc(content: ReportContent) -> go.Figure:
    return _learning_curve(content, "auc", "AUC (0 to 1)")


def _rate_point(
    point: CurvePoint,
    x_rate: Callable[[CurvePoint], float | None],
    y_rate: Callable[[CurvePoint], float | None],
) -> RatePoint | None:
    x, y = x_rate(point), y_rate(point)
    return None if x is None or y is None else RatePoint(point.threshold, x, y)


def _figure(x_title: str, y_title: str) -> go.Figure:
    axis = {
        "gridcolor": GRID,
        "linecolor": AXIS,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": AXIS,
        "ticklen": 4,
        "automargin": True,
        # Dragging on a phone is to scroll the page, not to zoom the chart.
        "fixedrange": True,
    }
    return go.Figure(
        layout={
            "template": "none",
            "font": {"family": FONT, "size": 13, "color": INK},
            "paper_bgcolor": "#ffffff",
            "plot_bgcolor": "#ffffff",
            "margin": {"l": 56, "r": 16, "t": 12, "b": 52},
            "dragmode": False,
            "hoverlabel": {"font": {"family": FONT, "size": 13}, "bgcolor": "#ffffff", "bordercolor": AXIS},
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "itemclick": False,
                "itemdoubleclick": False,
            },
            "showlegend": True,
            "xaxis": {**axis, "title": {"text": x_title, "standoff": 8, "font": {"size": 13}}},
            "yaxis": {**axis, "title": {"text": y_title, "standoff": 8, "font": {"size": 13}}},
        }
    )


def _unit_axes(figure: go.Figure) -> None:
    # Beyond 0 and 1, so that a line or marker on the edge is not cut in half.
    figure.update_xaxes(range=[-0.02, 1.02], dtick=0.2, tickformat=".1f")
    figure.update_yaxes(range=[-0.02, 1.04], dtick=0.2, tickformat=".1f")


def _curve(points: Sequence[RatePoint], shape: str, x_name: str, y_name: str) -> go.Scatter:
    return go.Scatter(
        x=[point.x for point in points],
        y=[point.y for point in points],
        customdata=[point.threshold for point in points],
        # A single point draws no line.
        mode="lines" if len(points) > 1 else "markers",
        line={"color": MAIN, "width": 2.5, "shape": shape},
        marker={"color": MAIN, "size": 8},
        name="Model",
        hovertemplate=(f"{x_name} %{{x:.3f}}<br>{y_name} %{{y:.3f}}<br>Threshold %{{customdata:.4f}}<extra></extra>"),
    )


def _add_reference(figure: go.Figure, name: str, left: float, right: float) -> None:
    """A straight line from x = 0 to x = 1."""
    figure.add_trace(
        go.Scatter(
            x=[0.0, 1.0],
            y=[left, right],
            mode="lines",
            line={"color": REFERENCE, "width": 1.5, "dash": "dash"},
            name=name,
            hoverinfo="skip",
        )
    )


def _add_operating_point(figure: go.Figure, point: RatePoint | None) -> None:
    if point is None:
        return
    template = f"Operating point<br>%{{x:.3f}}, %{{y:.3f}}<br>Threshold {point.threshold:.4f}<extra></extra>"
    figure.add_trace(_mark(point.x, point.y, "Operating point", template))


def _mark(x: float, y: float, name: str, hovertemplate: str) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"color": MARK, "size": 13, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1.5}},
        name=name,
        hovertemplate=hovertemplate,
        cliponaxis=False,
    )


def _learning_curve(content: ReportContent, metric: str, y_title: str) -> go.Figure:
    """The metric per epoch on the train and eval splits, with the best epoch marked."""
    training = content.history.get(metric, [])
    evaluation = content.history.get(f"val_{metric}", [])
    epochs = max(len(training), len(evaluation))
    if not epochs:
        return go.Figure()
    figure = _figure("Epoch (number)", y_title)
    if training:
        figure.add_trace(_history_line(training, "Train split", SECOND, "dash", "circle-open"))
    if evaluation:
        figure.add_trace(_history_line(evaluation, "Eval split", MAIN, "solid", "circle"))
    _mark_best_epoch(figure, content.best_epoch, evaluation or training)
    step = next((step for step in EPOCH_STEPS if epochs <= step * MOST_TICKS), EPOCH_STEPS[-1])
    figure.update_xaxes(range=[0.5, epochs + 0.5], tick0=0, dtick=step)
    figure.update_yaxes(rangemode="tozero" if metric == "loss" else "normal")
    return figure


def _history_line(values: Sequence[float], name: str, colour: str, dash: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=list(range(1, len(values) + 1)),
        # A diverged epoch is a gap in the line; JSON has no NaN and no infinity.
        y=[value if math.isfinite(value) else None for value in values],
        mode="lines+markers" if len(values) <= MARKER_LIMIT else "lines",
        line={"color": colour, "width": 2, "dash": dash},
        marker={"color": colour, "size": 6, "symbol": symbol},
        name=name,
        hovertemplate=f"{name}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    )


def _mark_best_epoch(figure: go.Figure, best_epoch: int, values: Sequence[float]) -> None:
    if not 1 <= best_epoch <= len(values) or not math.isfinite(values[best_epoch - 1]):
        return
    figure.add_vline(x=best_epoch, line={"color": MARK, "width": 1.5, "dash": "dot"}, layer="below")
    name = f"Best epoch ({best_epoch})"
    figure.add_trace(_mark(best_epoch, values[best_epoch - 1], name, f"{name}: %{{y:.4f}}<extra></extra>"))
