"""Whether probabilities are frequencies, and how they are spread."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from components.clinical_evaluator.content import ClinicalEvaluation, ReliabilityBin
from components.report.figures.style import MAIN, MARK, REFERENCE, add_reference, axis, make_figure, unit_range

# Told apart without colour too: by their dashes.
CLASS_COLOURS: Final = ("#0b6179", "#b3430b", "#7a5195", "#4f7a1c", "#a32060", "#5a5f66", "#8a6d00", "#2f55c4")
CLASS_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash")


def reliability(clinical: ClinicalEvaluation) -> go.Figure:
    """How often images are positive, by the probability they were given, above the number of images of each bin."""
    bins = clinical.calibration.bins
    if not bins:
        return go.Figure()
    figure = make_figure("Probability of the positive class", "Share that is positive")
    add_reference(figure, "Perfect calibration", 0.0, 1.0)
    figure.add_trace(_observed(bins))
    figure.add_trace(_counts(bins))
    most = max(each.images for each in bins)
    # Room above the highest bar for its number.
    below = {**axis("Images"), "domain": [0.0, 0.22], "range": [0, 1.45 * most], "nticks": 3, "tickformat": "d"}
    figure.update_yaxes(**unit_range(), domain=[0.32, 1.0])
    figure.update_layout(yaxis2=below, bargap=0, xaxis={"anchor": "y2"})
    return figure.update_xaxes(**unit_range())


def scores(clinical: ClinicalEvaluation) -> go.Figure:
    """For each class the share of its images by their probability of the positive class, with the threshold."""
    drawn = [counts for counts in clinical.scores.counts.values() if sum(counts)]
    if not drawn:
        return go.Figure()
    figure = make_figure("Probability of the positive class", "Share of the class")
    for index, counts in enumerate(clinical.scores.counts.values()):
        if sum(counts):
            figure.add_trace(_steps(counts, index))
    figure.add_vline(x=clinical.operating_point.threshold, line={"color": MARK, "width": 2})
    figure.update_layout(showlegend=False)  # the legend has the names of the classes, so it stands on the page
    figure.update_yaxes(rangemode="tozero", tickformat=".0%")
    return figure.update_xaxes(**unit_range())


def class_colour(index: int) -> str:
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_dash(index: int) -> str:
    return CLASS_DASHES[index % len(CLASS_DASHES)]


def _observed(bins: Sequence[ReliabilityBin]) -> go.Scatter:
    shares = [each.observed.figure for each in bins]
    ends = [(f.value or 0.0, f.low, f.high) for f in shares]
    return go.Scatter(
        x=[each.mean_probability for each in bins],
        y=[value for value, _, _ in ends],
        error_y={
            "type": "data",
            "array": [0.0 if high is None else high - value for value, _, high in ends],
            "arrayminus": [0.0 if low is None else value - low for value, low, _ in ends],
            "color": MAIN,
            "thickness": 1.5,
            "width": 5,
        },
        customdata=[[each.images, each.observed.hits, each.observed.groups] for each in bins],
        mode="markers+lines",
        line={"color": MAIN, "width": 1.5, "dash": "dot"},
        marker={"color": MAIN, "size": 9},
        name="Model, with 95 % intervals",
        hovertemplate=(
            "Mean probability %{x:.3f}<br>Positive %{y:.3f}: %{customdata[1]} of %{customdata[0]} images,"
            " %{customdata[2]} groups<extra></extra>"
        ),
        cliponaxis=False,
    )


def _counts(bins: Sequence[ReliabilityBin]) -> go.Bar:
    return go.Bar(
        x=[(each.low + each.high) / 2 for each in bins],
        y=[each.images for each in bins],
        width=[0.9 * (each.high - each.low) for each in bins],
        text=[each.images for each in bins],
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        marker={"color": REFERENCE},
        name="Images",
        showlegend=False,
        yaxis="y2",
        hovertemplate="%{y} images<extra></extra>",
    )


def _steps(counts: Sequence[int], index: int) -> go.Scatter:
    """The outline of a histogram over [0, 1], down to the axis at both ends."""
    total, bins = sum(counts), len(counts)
    shares = [count / total for count in counts]
    return go.Scatter(
        x=[number / bins for number in range(bins + 1)],
        y=[*shares, shares[-1]],
        customdata=[*counts, counts[-1]],
        mode="lines",
        line={"color": class_colour(index), "width": 2.5, "dash": class_dash(index), "shape": "hv"},
        fill="tozeroy",
        fillcolor=_translucent(class_colour(index)),
        name=f"Class {index + 1}",
        hovertemplate="From %{x:.2f}: %{y:.1%} of the class, %{customdata} images<extra></extra>",
    )


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.14)"
