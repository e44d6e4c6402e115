"""Learning curves."""

import math
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from components.report.content import Training
from components.report.figures.style import MAIN, MARK, SECOND, make_figure, mark

MARKER_LIMIT: Final = 40  # beyond this many epochs the markers would run into a band
EPOCH_STEPS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MOST_TICKS: Final = 10


def loss(training: Training) -> go.Figure:
    return _learning_curve(training, "loss", "Loss (no unit)").update_yaxes(rangemode="tozero")


def auc(training: Training) -> go.Figure:
    return _learning_curve(training, "auc", "AUC (0 to 1)")


def _learning_curve(training: Training, metric: str, y_title: str) -> go.Figure:
    """The metric per epoch on the train and eval splits, with the best epoch marked."""
    learnt, evaluated = training.history.get(metric, []), training.history.get(f"val_{metric}", [])
    epochs = max(len(learnt), len(evaluated))
    if not epochs:
        return go.Figure()
    figure = make_figure("Epoch (number)", y_title)
    if learnt:
        figure.add_trace(_history_line(learnt, "Train split", SECOND, "dash", "circle-open"))
    if evaluated:
        figure.add_trace(_history_line(evaluated, "Eval split", MAIN, "solid", "circle"))
    _mark_best_epoch(figure, training.best_epoch, evaluated or learnt)
    step = next((step for step in EPOCH_STEPS if epochs <= step * MOST_TICKS), EPOCH_STEPS[-1])
    return figure.update_xaxes(range=[0.5, epochs + 0.5], tick0=0, dtick=step)


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
    figure.add_trace(mark(best_epoch, values[best_epoch - 1], name, f"{name}: %{{y:.4f}}<extra></extra>"))
