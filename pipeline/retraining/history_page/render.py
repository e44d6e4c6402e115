"""The history page: one HTML document that holds all it needs and loads nothing."""

from collections.abc import Sequence
from typing import Any, Final

from components.report.page.charts import Chart, make_chart
from components.report.page.document import document_values, make_environment
from components.report.page.text import format_figure, format_integer, format_time
from pipeline.retraining.history_page.content import HistoryContent
from pipeline.retraining.history_page.figures import legend, over_time
from pipeline.retraining.history_page.state import State, describe_state
from pipeline.retraining.history_page.table import decision_rows, figure_of
from pipeline.retraining.record import RetrainingRecord

PACKAGE: Final = "pipeline.retraining.history_page"
TEMPLATE: Final = "history.html.jinja"
MOST_DRAWN: Final = 1_000  # retrainings in a chart
_MISSING: Final = "No model has been trained yet."
_FIGURES: Final = {"test_auc": "AUC", "test_recall": "Recall"}


def render(content: HistoryContent) -> str:
    """The page, complete: style, scripts and figures are inside."""
    charts = _charts(content.records[-MOST_DRAWN:])
    state = describe_state(content)
    return (
        make_environment(PACKAGE)
        .get_template(TEMPLATE)
        .render(
            content=content,
            state=state,
            key_figures=_key_figures(content, state),
            created=format_time(content.created.isoformat()),
            decisions=decision_rows(content.records),
            charts=charts,
            **document_values(charts),
        )
    )


def _charts(records: Sequence[RetrainingRecord]) -> list[Chart]:
    return [
        make_chart(
            name.replace("_", "-"),
            f"{title} over time",
            _caption(records, name, title),
            over_time(records, name, f"{title} (0 to 1)"),
            _MISSING,
            legend(records),
        )
        for name, title in _FIGURES.items()
    ]


def _caption(records: Sequence[RetrainingRecord], name: str, title: str) -> str:
    candidates = [record for record in records if name in record.figures]
    if not candidates:
        return ""
    last = candidates[-1]
    published = sum(record.published_version is not None for record in candidates)
    return (
        f"Models trained: {len(candidates)}, of which published: {published}. The last, of retraining {last.number}:"
        f" {title} {format_figure(figure_of(last, name))}. Both models are measured on the same images of the test"
        " split. These become more with each span: compare the two at one time, and not over time."
    )


def _key_figures(content: HistoryContent, state: State) -> list[dict[str, Any]]:
    """What stands out at the top: a title, a value, and a remark that may be empty."""
    shown = []
    if state.age_days is not None:
        shown.append(_key_figure("Age of the served model", f"{state.age_days:.0f} days", "when this was written"))
    if state.published:
        for name, title in _FIGURES.items():
            value, _, interval = format_figure(figure_of(state.published, name)).partition(" ")
            shown.append(_key_figure(f"{title} on test when published", value, interval.strip("()")))
    if content.records:
        last = content.records[-1]
        shown.append(_key_figure("Last retraining", f"Number {last.number}", format_time(last.finished)))
    spans = ", ".join(content.waiting)
    shown.append(_key_figure("Spans waiting for a training", format_integer(len(content.waiting)), spans))
    return shown


def _key_figure(title: str, value: str, remark: str) -> dict[str, Any]:
    return {"title": title, "value": value, "remark": remark}
