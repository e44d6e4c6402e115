"""The history page: how things stand, its figures, its table, and that it is replaced whole."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.report.page import document
from pipeline.alerts.delivery import AlertOutcome
from pipeline.alerts.journal import JournalEntry, notify_once
from pipeline.alerts.settings import AlertSettings
from pipeline.cli import retrain
from pipeline.cli.main import run_app
from pipeline.config import load_config
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.history_page.content import HistoryContent
from pipeline.retraining.history_page.figures import legend, over_time
from pipeline.retraining.history_page.render import render
from pipeline.retraining.history_page.state import describe_state
from pipeline.retraining.history_page.table import MOST_ROWS, decision_rows
from pipeline.retraining.history_page.write import write_history
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.telling import Telling
from tests.records import (
    CRASH,
    FIRST_VERSION,
    LABEL_FAULT,
    MONTHS,
    NOTHING_NEW,
    SCANNER_CHANGE,
    WORSE,
    make_record,
    year,
)
from tests.report import Page

LAST_VERSION = FIRST_VERSION + 2_626_560 * (MONTHS - 1)


@pytest.fixture(autouse=True)
def small_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering without the 5 MB of plotly.js."""
    monkeypatch.setattr(document, "get_plotlyjs", lambda: "/* plotly.js */")


def content(records: Sequence[RetrainingRecord], **changes: Any) -> HistoryContent:
    """A day after the last record, with all spans in their place."""
    created = datetime.fromisoformat((records[-1] if records else make_record()).finished) + timedelta(days=1)
    spans = [span for record in records for span in record.spans_new]
    return replace(HistoryContent("breast", created, records, spans), **changes)


def warnings(*records: RetrainingRecord, **changes: Any) -> list[str]:
    return list(describe_state(content(records, **changes)).warnings)


def traces(records: Sequence[RetrainingRecord], name: str = "test_auc") -> dict[str, Any]:
    return {trace["name"]: trace for trace in json.loads(over_time(records, name, "AUC").to_json())["data"]}


def test_a_year_at_its_end() -> None:
    state = describe_state(content(year()))

    assert (state.state, state.headline) == ("mixed", f"Version {LAST_VERSION} is served")
    assert state.age_days == pytest.approx(1.0)
    assert state.warnings == [
        "Retraining 9 refused span-9, and no model learns from it until its files are corrected: the served model"
        " ranks its images worse than chance would (AUC 0.214, at least 0.783)"
    ]


@pytest.mark.parametrize(
    ("month", "state", "headline"),
    [
        (1, "good", f"Version {FIRST_VERSION} is served"),
        (WORSE, "mixed", f"Version {FIRST_VERSION + 2 * 2_626_560} is served"),
        (SCANNER_CHANGE, "mixed", f"Version {FIRST_VERSION + 5 * 2_626_560} is served"),
        (CRASH, "bad", f"Version {FIRST_VERSION + 6 * 2_626_560} is served"),
        (LABEL_FAULT, "mixed", f"Version {FIRST_VERSION + 6 * 2_626_560} is served"),
    ],
)
def test_the_year_on_its_way(month: int, state: str, headline: str) -> None:
    found = describe_state(content(year()[:month]))
    assert (found.state, found.headline) == (state, headline)


def test_without_a_retraining() -> None:
    state = describe_state(content([]))
    assert (state.state, state.headline, state.age_days, state.warnings) == ("bad", "No model is served", None, [])


def test_a_model_that_no_retraining_published() -> None:
    record = make_record(action="skipped", published_version=None, incumbent_version=7, model_age_days=30.5)
    state = describe_state(content([record]))

    assert state.headline == "Version 7 is served"
    assert state.age_days == pytest.approx(30.5 + 1 + 70 / 1440)


def test_warnings_of_failures() -> None:
    failed = make_record(action="failed", number=5, reasons=["The disk is full."], published_version=None)

    assert warnings(make_record(), failed) == ["Retraining 5 failed: The disk is full."]
    again = failed.model_copy(update={"number": 6})
    assert warnings(make_record(), failed, again) == ["Retraining 6 failed, and 1 before it: The disk is full."]
    assert warnings(failed, make_record(number=6)) == []


def test_a_span_that_was_corrected_is_no_warning() -> None:
    refused = make_record(
        action="span_refused", spans_new=["span-3"], spans_refused=["span-3"], reasons=["span-3: bad"]
    )
    (warning,) = warnings(refused)
    assert warning.endswith("refused span-3, and no model learns from it until its files are corrected: bad")
    # Another one whose name begins alike is another one.
    assert len(warnings(refused, make_record(number=4, spans_new=["span-33"], spans_used=["span-33"]))) == 1
    assert warnings(refused, make_record(number=4, spans_new=["span-3"], action="skipped")) == []


def test_a_refused_span_that_was_taken_away_is_no_warning() -> None:
    refused = make_record(action="span_refused", spans_new=["span-3"], spans_refused=["span-3"])
    assert len(warnings(refused, spans=["span-2", "span-3"])) == 1
    assert warnings(refused, spans=["span-2"]) == []


def test_a_version_that_was_taken_back_is_not_served() -> None:
    first, second = make_record(number=1, published_version=10), make_record(number=2, published_version=20)
    skipped = make_record(number=3, action="skipped", published_version=None, incumbent_version=10)
    state = describe_state(content([first, second, skipped]))

    assert (state.version, state.published) == (10, first)


def test_warnings_of_rejections_count_only_what_was_trained() -> None:
    rejected = {"action": "rejected", "published_version": None}
    skipped = make_record(action="skipped", published_version=None, number=5)

    assert warnings(make_record(number=3), make_record(number=4, **rejected), skipped) == [
        "The last model trained, by retraining 4, was rejected."
    ]
    both = (make_record(number=4, **rejected), skipped, make_record(number=6, **rejected))
    assert warnings(*both) == ["The last 2 models trained were rejected."]
    assert warnings(*both, make_record(number=7)) == []


def test_warnings_of_age_drift_alerts_and_spans() -> None:
    assert warnings(make_record(), maximum_age_days=1.5) == []
    assert warnings(make_record(), maximum_age_days=0.5) == [
        "The served model is 1 days old; at most 0.5 are allowed."
    ]
    drifting = make_record(drift=["span-3: brightness differs.", "span-3: width differs."])
    assert warnings(drifting) == ["Retraining 3 found drift: span-3: brightness differs. and 1 more"]
    assert warnings(make_record(), failed_alerts={2: ["gone"], 3: ["a.org answered 503"]}) == [
        "The alert of retraining 3 was not delivered: a.org answered 503."
    ]
    assert warnings(make_record(), incomplete=["span-4"]) == ["span-4 is still being written."]


def test_the_figures_of_a_year() -> None:
    records = year()
    found = traces(records)

    trained = [record for record in records if record.figures]
    assert len(trained) == MONTHS - 3
    assert found["New model"]["y"] == [record.figures["test_auc"] for record in trained]
    assert found["New model"]["x"] == [record.finished for record in trained]
    above = [record.figures["test_auc_high"] - record.figures["test_auc"] for record in trained]
    assert found["New model"]["error_y"]["array"] == pytest.approx(above)
    assert found["Model before"]["customdata"] == [record.number for record in trained[1:]]
    assert found["Published"]["customdata"] == [record.number for record in trained if record.number != WORSE]
    marked = {name: found[name]["customdata"] for name in ("Span refused", "Drift", "Failed")}
    assert marked == {"Span refused": [LABEL_FAULT], "Drift": [SCANNER_CHANGE], "Failed": [CRASH]}
    lowest = min(record.figures["test_auc_low"] for record in trained)
    assert all(found[name]["y"][0] < lowest for name in marked), "events are below all values"
    assert [entry.text for entry in legend(records)] == ["New model", "Model before", "Published", *marked]


def test_one_retraining_has_days_around_it_on_the_axis() -> None:
    record = make_record(finished="2026-03-31T03:10:00+00:00", incumbent_figures={})
    axis = json.loads(over_time([record], "test_auc", "AUC").to_json())["layout"]["xaxis"]

    assert axis["range"] == ["2026-03-27T03:10:00+00:00", "2026-04-04T03:10:00+00:00"]
    assert [entry.text for entry in legend([record])] == ["New model", "Published"]


def test_figures_without_intervals_and_without_candidates() -> None:
    (bar,) = [traces([make_record(figures={"test_auc": 0.9})])["New model"]["error_y"]]

    assert (bar["array"], bar["arrayminus"]) == ([0.0], [0.0])
    assert traces([make_record(figures={"test_auc": 0.9})], "test_recall") == {}
    assert traces([make_record(action="failed", figures={}, incumbent_figures={})]) == {}


def test_the_table_of_a_year() -> None:
    rows = decision_rows(year()).shown

    assert [row.number for row in rows] == list(range(MONTHS, 0, -1))
    decisions = {row.number: (row.decision, row.state, row.version is None) for row in rows}
    assert decisions[LABEL_FAULT] == ("Span refused", "bad", True)
    assert decisions[WORSE] == ("Rejected", "bad", True)
    assert decisions[CRASH] == ("Failed", "bad", True)
    assert decisions[NOTHING_NEW] == ("Skipped", "mixed", True)
    assert {decisions[number] for number in (1, 2, 3, 5, 6, 7, 10, 12)} == {("Published", "good", False)}
    first, refused = rows[-1], rows[MONTHS - LABEL_FAULT]
    assert (first.auc.value, first.auc.interval, first.auc.incumbent) == ("0.812", "0.712 to 0.912", "")
    assert (first.date, first.time, first.report) == ("2026-01-31", "02:40 UTC", "reports/1/index.html")
    assert (first.images, refused.images) == ([60, 14, 15], [])
    assert (refused.spans, refused.refused, refused.report) == ([], ["span-9"], "")


def test_long_histories_and_long_reasons_are_cut() -> None:
    found = decision_rows([make_record(number=number, reasons=["why"] * 9) for number in range(1, MOST_ROWS + 6)])

    assert (len(found.shown), found.more, found.shown[0].number) == (MOST_ROWS, 5, MOST_ROWS + 5)
    assert (len(found.shown[0].reasons.shown), found.shown[0].reasons.more) == (4, 5)


def test_the_page_holds_all_it_needs() -> None:
    text = render(content(year(), waiting=["span-11"]))
    page = Page(text)

    assert page.misnested == []
    assert page.charts() == ["test-auc", "test-recall"]
    assert set(json.loads(page.scripts["figures"])) == {"test-auc", "test-recall"}
    assert [link["href"] for link in page.named("a")][:2] == ["#main", "reports/12/index.html"]
    assert page.named("link") == []
    assert all("src" not in script for script in page.named("script"))
    policy = next(each["content"] for each in page.named("meta") if "Content-Security" in str(each.get("http-equiv")))
    assert policy and policy.startswith("default-src 'none'")
    # Warnings come before everything but the headline.
    assert (
        text.index("refused span-9, and no model") < text.index("Age of the served model") < text.index("Decisions")
    )
    assert page.after("Spans waiting for a training", 3)[1:] == ["1", "span-11"]


def test_the_page_of_nothing() -> None:
    page = Page(render(content([])))

    assert page.charts() == []
    assert page.texts.count("No model has been trained yet.") == 2
    assert "No retraining has ended yet." in page.texts


def test_text_from_outside_is_escaped() -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    record = make_record(
        action="span_refused",
        reasons=[hostile],
        drift=[hostile],
        spans_new=[hostile],
        spans_refused=[hostile],
        report=hostile,
    )
    text = render(
        content([record], name=hostile, waiting=[hostile], incomplete=[hostile], failed_alerts={3: [hostile]})
    )

    assert "<img" not in text
    assert Page(text).misnested == []


def test_the_page_is_written_from_the_folder(tmp_path: Path) -> None:
    folder, config = RetrainingFolder(tmp_path / "out" / "retraining"), load_config("synthetic")
    for record in year()[:2]:
        folder.add_record(record)
    entry = JournalEntry(
        number=2, outcomes=[AlertOutcome(channel="webhook", delivered=False, detail="a.org is gone")]
    )
    folder.alerts_file.write_text(entry.model_dump_json() + "\n")
    (tmp_path / "data" / "span-1").mkdir(parents=True)
    (tmp_path / "data" / "span-3").mkdir()
    (tmp_path / "data" / "span-3" / ".incomplete").touch()
    write_history(config, tmp_path / "data", folder, datetime.fromisoformat(year()[1].finished))

    text = folder.page_file.read_text()
    assert "Retraining: synthetic" in text
    assert "The alert of retraining 2 was not delivered: a.org is gone." in text
    assert "span-3 is still being written." in text
    assert sorted(path.name for path in folder.root.iterdir()) == ["alerts.jsonl", "history.html", "history.jsonl"]


def test_a_page_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, config = RetrainingFolder(tmp_path / "out" / "retraining"), load_config("synthetic")
    record = year()[0]
    folder.add_record(record)
    (tmp_path / "data" / "span-1").mkdir(parents=True)
    telling = Telling(config, tmp_path / "data", folder, lambda: datetime.fromisoformat(record.finished))
    telling.tell(record)
    before = folder.page_file.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("schema.durable_files.os.fsync", fail)
    telling.tell(record)
    assert "the history page in" in caplog.text
    assert "No space left on device" in caplog.text
    assert folder.page_file.read_bytes() == before
    assert not list(folder.root.glob("*.partial"))


def test_the_console_tells_of_the_alerts_of_this_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, to_nobody = RetrainingFolder(tmp_path / "out" / "retraining"), AlertSettings(command=("false",))
    folder.root.mkdir(parents=True)
    notify_once(to_nobody, make_record(number=1), "breast", folder.alerts_file)

    def fail(*_: object) -> int:
        notify_once(to_nobody, make_record(number=2, action="failed"), "breast", folder.alerts_file)
        return 1

    monkeypatch.setattr(retrain, "do_job", fail)
    options = ["--config", "synthetic", "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    assert run_app(["retrain", *options]) == 1, "the exit code stays what it was"
    assert capsys.readouterr().out == "Alert by command NOT delivered: false ended with 1\n"


def test_an_alert_that_a_crash_prevented_is_made_up_for(tmp_path: Path) -> None:
    told = tmp_path / "told"
    config = load_config("synthetic", [f"alerts.command=[sh, -c, 'cat >> \"$0\"; echo >> \"$0\"', '{told}']"])
    folder = RetrainingFolder(tmp_path / "out" / "retraining")
    for record in year()[:2]:
        folder.add_record(record)
    telling = Telling(config, tmp_path, folder, lambda: datetime.fromisoformat(record.finished))
    telling.catch_up()
    telling.catch_up()

    assert [json.loads(line)["number"] for line in told.read_text().splitlines()] == [2]
