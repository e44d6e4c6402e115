"""The decisions, as rows of a table."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from components.clinical_evaluator.content import Figure
from components.report.page.text import Cut, cut, format_interval, format_number
from components.report.page.verdict import BAD, GOOD, MIXED
from pipeline.retraining.record import Action, RetrainingRecord

PAGE_FOLDER: Final = "retraining"  # below the output folder
MOST_ROWS: Final = 200
MOST_REASONS: Final = 4
_SPLITS: Final = ("train", "eval", "test")
_DECISIONS: Final[Mapping[Action, tuple[str, str]]] = {
    "published": ("Published", GOOD),
    "rejected": ("Rejected", BAD),
    "span_refused": ("Span refused", BAD),
    "failed": ("Failed", BAD),
    "skipped": ("Skipped", MIXED),
}


@dataclass(frozen=True)
class FigureCell:
    """Attributes: interval, incumbent: of the model it would replace; may be empty."""

    value: str
    interval: str
    incumbent: str


@dataclass(frozen=True)
class DecisionRow:
    """Attributes: date, time: of its end, in UTC; state: good, mixed or bad; report: a link relative to the page."""

    number: int
    date: str
    time: str
    decision: str
    state: str
    version: int | None
    spans: Sequence[str]
    refused: Sequence[str]
    auc: FigureCell
    recall: FigureCell
    images: Sequence[int | None]
    reasons: Cut[str]
    drift: Cut[str]
    report: str


def decision_rows(records: Sequence[RetrainingRecord]) -> Cut[DecisionRow]:
    """The latest first."""
    latest = cut(list(reversed(records)), MOST_ROWS)
    return Cut([_row(record) for record in latest.shown], latest.more)


def _row(record: RetrainingRecord) -> DecisionRow:
    decision, state = _DECISIONS[record.action]
    finished = datetime.fromisoformat(record.finished).astimezone(UTC)
    return DecisionRow(
        number=record.number,
        date=f"{finished:%Y-%m-%d}",
        time=f"{finished:%H:%M} UTC",
        decision=decision,
        state=state,
        version=record.published_version,
        spans=[span for span in record.spans_new if span not in record.spans_refused],
        refused=record.spans_refused,
        auc=_figure(record, "test_auc"),
        recall=_figure(record, "test_recall"),
        images=[record.images.get(split) for split in _SPLITS] if record.images else [],
        reasons=cut(record.reasons, MOST_REASONS),
        drift=cut(record.drift, MOST_REASONS),
        report=_link(record.report),
    )


def figure_of(record: RetrainingRecord, name: str) -> Figure:
    """A figure of the new model with its interval, where it has one."""
    values = record.figures
    return Figure(value=values.get(name), low=values.get(f"{name}_low"), high=values.get(f"{name}_high"))


def _figure(record: RetrainingRecord, name: str) -> FigureCell:
    figure = figure_of(record, name)
    if figure.value is None:
        return FigureCell("", "", "")
    incumbent = record.incumbent_figures.get(name)
    return FigureCell(
        value=format_number(figure.value),
        interval=format_interval(figure) if figure.low is not None else "",
        incumbent="" if incumbent is None else format_number(incumbent),
    )


def _link(report: str) -> str:
    """From the page; reports are named from the output folder."""
    return posixpath.relpath(report, PAGE_FOLDER) if report else ""
