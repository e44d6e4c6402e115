"""What all figures share: colours, axes, marks."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif'
INK: Final = "#1c2b36"
GRID: Final = "#dfe6ea"
AXIS: Final = "#6b7c88"
MAIN: Final = "#0b6179"
SECOND: Final = "#7a5195"
REFERENCE: Final = "#66757f"
MARK: Final = "#b3430b"
BAND: Final = "rgba(11, 97, 121, 0.18)"

CONFIG: Final[dict[str, Any]] = {
    "responsive": True,
    "displayModeBar": False,
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
    "showTips": False,
}


def make_figure(x_title: str, y_title: str) -> go.Figure:
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
            "xaxis": axis(x_title),
            "yaxis": axis(y_title),
        }
    )


def axis(title: str) -> dict[str, Any]:
    return {
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
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
    }


def unit_range() -> dict[str, Any]:
    """Of an axis from 0 to 1, with room beyond, so that a line or marker on the edge is not cut in half."""
    return {"range": [-0.02, 1.03], "dtick": 0.2, "tickformat": ".1f"}


def add_reference(figure: go.Figure, name: str, left: float, right: float) -> None:
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


def add_band(figure: go.Figure, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
    """The area between two curves: along the upper one, and back along the lower one."""
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=BAND,
            name="95 % band",
            hoverinfo="skip",
        )
    )


def mark(x: float, y: float, name: str, hovertemplate: str) -> go.Scatter:
    return go.Scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"color": MARK, "size": 13, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1.5}},
        name=name,
        hovertemplate=hovertemplate,
        cliponaxis=False,
    )
