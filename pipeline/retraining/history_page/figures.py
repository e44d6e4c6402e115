"""Figures over time. Nothing from outside is in them but numbers and times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import plotly.graph_objects as go

from components.report.figures.style import INK, MAIN, MARK, REFERENCE, SECOND, make_figure
from components.report.page.charts import LegendEntry
from pipeline.retraining.record import RetrainingRecord

CANDIDATE: Final = "New model"
INCUMBENT: Final = "Model before"
PUBLISHED: Final = "Published"
# Plotly's symbols as paths of SVG, 16 units wide.
_PATHS: Final = {
    "diamond": "M8 1 15 8 8 15 1 8Z",
    "x": "M2 4 4 2 8 6 12 2 14 4 10 8 14 12 12 14 8 10 4 14 2 12 6 8Z",
    "triangle-up": "M8 2 15 14H1Z",
    "cross": "M6 1h4v5h5v4h-5v5H6v-5H1V6h5Z",
}
_LEAST_ROOM: Final = timedelta(days=4)
_ROOM: Final = 0.06  # below the lowest value, for the events


@dataclass(frozen=True)
class _Event:
    """Something that is marked on the time axis."""

    name: str
    symbol: str
    colour: str
    has_happened: Callable[[RetrainingRecord], bool]


_EVENTS: Final = (
    _Event("Span refused", "x", MARK, lambda record: bool(record.spans_refused)),
    _Event("Drift", "triangle-up", SECOND, lambda record: bool(record.drift)),
    _Event("Failed", "cross", INK, lambda record: record.action == "failed"),
)


def over_time(records: Sequence[RetrainingRecord], figure_name: str, y_title: str) -> go.Figure:
    """A figure of the candidates and the models they would replace, with events below; empty without any candidate.

    Args:
        figure_name: as the record has it, such as `test_auc`.
    """
    candidates = [record for record in records if figure_name in record.figures]
    if not candidates:
        return go.Figure()
    incumbents = [record for record in records if figure_name in record.incumbent_figures]
    floor = _floor(candidates, incumbents, figure_name)
    figure = make_figure("Time (UTC)", y_title)
    figure.add_trace(_candidates(candidates, figure_name))
    if incumbents:
        figure.add_trace(_incumbents(incumbents, figure_name))
    published = [record for record in candidates if record.published_version is not None]
    if published:
        figure.add_trace(_published(published, figure_name))
    for event in _EVENTS:
        happened = [record for record in records if event.has_happened(record)]
        if happened:
            figure.add_trace(_events(event, happened, floor))
            for record in happened:
                line = {"color": event.colour, "width": 1, "dash": "dot"}
                figure.add_vline(x=record.finished, line=line, layer="below")
    figure.update_yaxes(range=[floor - _ROOM / 2, 1.02], tickformat=".2f")
    figure.update_xaxes(range=_time_range(records), tickformat="%-d %b<br>%Y", tickangle=0, nticks=6)
    # The page has a legend of its own: plotly's would take half of the room on a phone.
    return figure.update_layout(showlegend=False)


def legend(records: Sequence[RetrainingRecord]) -> tuple[LegendEntry, ...]:
    """What is in the figures of these records."""
    entries = [
        (LegendEntry(CANDIDATE, MAIN, ""), lambda record: bool(record.figures)),
        (LegendEntry(INCUMBENT, REFERENCE, "6 4"), lambda record: bool(record.incumbent_figures)),
        (LegendEntry(PUBLISHED, MARK, "", _PATHS["diamond"]), lambda record: record.published_version is not None),
        *((LegendEntry(each.name, each.colour, "", _PATHS[each.symbol]), each.has_happened) for each in _EVENTS),
    ]
    return tuple(entry for entry, is_there in entries if any(map(is_there, records)))


def _time_range(records: Sequence[RetrainingRecord]) -> list[str]:
    """With room at both ends, so that no mark is cut in half, and days enough to be told apart on the axis."""
    times = [datetime.fromisoformat(record.finished) for record in records]
    room = max(_LEAST_ROOM, (max(times) - min(times)) / 20)
    return [(min(times) - room).isoformat(), (max(times) + room).isoformat()]


def _floor(candidates: Sequence[RetrainingRecord], incumbents: Sequence[RetrainingRecord], figure_name: str) -> float:
    """Where the events are, below all values and intervals; values are in [0, 1]."""
    lowest = [record.figures.get(f"{figure_name}_low", record.figures[figure_name]) for record in candidates]
    lowest += [record.incumbent_figures[figure_name] for record in incumbents]
    return min(lowest) - _ROOM


def _candidates(records: Sequence[RetrainingRecord], figure_name: str) -> go.Scatter:
    values = [record.figures[figure_name] for record in records]
    above = [
        record.figures.get(f"{figure_name}_high", value) - value
        for record, value in zip(records, values, strict=True)
    ]
    below = [
        value - record.figures.get(f"{figure_name}_low", value) for record, value in zip(records, values, strict=True)
    ]
    return _trace(
        records,
        values,
        CANDIDATE,
        mode="lines+markers",
        line={"color": MAIN, "width": 2},
        marker={"color": MAIN, "size": 7},
        error_y={"type": "data", "array": above, "arrayminus": below, "color": MAIN, "thickness": 1, "width": 3},
    )


def _incumbents(records: Sequence[RetrainingRecord], figure_name: str) -> go.Scatter:
    return _trace(
        records,
        [record.incumbent_figures[figure_name] for record in records],
        INCUMBENT,
        mode="lines+markers",
        line={"color": REFERENCE, "width": 1.5, "dash": "dash"},
        marker={"color": REFERENCE, "size": 6, "symbol": "circle-open"},
    )


def _published(records: Sequence[RetrainingRecord], figure_name: str) -> go.Scatter:
    return _trace(
        records,
        [record.figures[figure_name] for record in records],
        PUBLISHED,
        mode="markers",
        marker={"color": MARK, "size": 11, "symbol": "diamond", "line": {"color": "#ffffff", "width": 1.5}},
    )


def _events(event: _Event, records: Sequence[RetrainingRecord], place: float) -> go.Scatter:
    trace = _trace(
        records,
        [place] * len(records),
        event.name,
        mode="markers",
        marker={"color": event.colour, "size": 10, "symbol": event.symbol},
    )
    return trace.update(hovertemplate=f"Retraining %{{customdata}}: {event.name}<extra></extra>")


def _trace(records: Sequence[RetrainingRecord], values: Sequence[float], name: str, **style: Any) -> go.Scatter:
    return go.Scatter(
        x=[record.finished for record in records],
        y=list(values),
        customdata=[record.number for record in records],
        name=name,
        hovertemplate=f"Retraining %{{customdata}}, {name}: %{{y:.3f}}<extra></extra>",
        cliponaxis=False,
        **style,
    )
