"""Alerts: what they say, whom they reach, and what becomes of those that fail."""

import json
import shlex
import sys
import textwrap
import time
import traceback
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.command import run_command
from pipeline.alerts.delivery import AlertOutcome, DeliveryError
from pipeline.alerts.journal import notify_once, read_journal
from pipeline.alerts.notify import notify
from pipeline.alerts.payload import Alert, make_alert
from pipeline.alerts.settings import AlertSettings
from pipeline.cli.main import run_app
from pipeline.config import load_config
from schema.errors import ConfigurationError
from tests.records import make_record

SAVE = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('ab').write(sys.stdin.buffer.read() + b'\\n')"
PATIENT = "patient-4711"


def saving(file: Path, **changes: object) -> AlertSettings:
    """To a program that appends each payload to a file."""
    return AlertSettings.model_validate({"command": [sys.executable, "-c", SAVE, str(file)]} | changes)


def fails(program: str, body: bytes = b"{}", seconds: float = 20.0) -> str:
    with pytest.raises(DeliveryError) as caught:
        run_command([sys.executable, "-c", program], body, seconds)
    return str(caught.value)


def test_the_payload_of_a_published_model() -> None:
    alert = json.loads(make_alert(make_record(), "breast", test=False).as_record())

    identifier, text = alert.pop("identifier"), alert.pop("text")
    assert alert == {
        "version": 1,
        "event": "retraining",
        "test": False,
        "pipeline": "breast",
        "number": 3,
        "action": "published",
        "started": "2026-03-31T02:00:00+00:00",
        "finished": "2026-03-31T03:10:00+00:00",
        "reasons": 1,
        "spans_new": ["span-3"],
        "spans_refused": [],
        "spans_used": ["span-1", "span-2", "span-3"],
        "drift": 0,
        "images": {"train": 400, "eval": 80, "test": 90},
        "patients": {"train": 130, "eval": 25, "test": 30},
        "figures": {"test_auc": 0.912, "test_auc_low": 0.85, "test_auc_high": 0.95, "test_recall": 0.9},
        "incumbent_figures": {"test_auc": 0.905, "test_recall": 0.88},
        "incumbent_version": 1774000000,
        "published_version": 1774926000,
        "model_age_days": 30.5,
        "report": "retraining/reports/3/index.html",
    }
    assert text == (
        "breast, retraining 3: a new model was published. Version 1774926000 is served. On the test images:"
        " AUC 0.912, recall 0.900. The model before: AUC 0.905, recall 0.880. Reasons are on the history page (1)."
    )
    assert identifier == make_alert(make_record(), "breast", test=False).identifier
    assert identifier != make_alert(make_record(number=4), "breast", test=False).identifier
    assert identifier != make_alert(make_record(), "breast", test=True).identifier


def test_the_payload_is_as_its_published_schema_says() -> None:
    file = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "alert.schema.json"
    schema = json.loads(file.read_text())

    assert schema == Alert.model_json_schema(mode="serialization")
    first = make_record(published_version=None, incumbent_version=None, model_age_days=None, report="")
    for record in (make_record(), first):
        jsonschema.validate(json.loads(make_alert(record, "breast", test=False).as_record()), schema)


def test_sentences_and_absolute_paths_stay_behind() -> None:
    sentence = f"/srv/images/span-3/malignant/{PATIENT}.png has another label"
    record = make_record(reasons=[sentence], drift=[sentence], report="/srv/out/report.html")
    alert = make_alert(record, "breast", test=False)

    for body in (alert.as_record(), alert.as_text()):
        assert PATIENT.encode() not in body
        assert b"/srv" not in body
    assert (alert.reasons, alert.drift, alert.report) == (1, 1, "")


@given(st.text(max_size=20))
def test_text_holds_no_mark_up_of_chat_programs(span: str) -> None:
    alert = make_alert(make_record(action="span_refused", spans_refused=[f"<!channel>&{span}"]), "breast", test=False)
    content = json.loads(alert.as_text())

    assert list(content) == ["text"]
    assert "<" not in content["text"]
    assert "&lt;!channel&gt;&amp;" in content["text"]


def test_a_command_gets_the_payload(tmp_path: Path) -> None:
    record = make_record()
    outcomes = notify(saving(tmp_path / "told"), record, "breast")

    assert outcomes == [AlertOutcome(channel="command", delivered=True, detail=f"{sys.executable} ended with 0")]
    assert (tmp_path / "told").read_bytes() == make_alert(record, "breast", test=False).as_record() + b"\n"


@pytest.mark.parametrize("action", ["skipped", "span_refused", "rejected", "published", "failed"])
def test_only_decisions_that_are_asked_for_are_told_of(action: str, tmp_path: Path) -> None:
    outcomes = notify(saving(tmp_path / "told", events=["failed", "rejected"]), make_record(action=action), "breast")

    assert len(outcomes) == (tmp_path / "told").exists() == (action in {"failed", "rejected"})


def test_a_refused_span_beside_another_decision_is_told_of(tmp_path: Path) -> None:
    settings, record = saving(tmp_path / "told", events=["span_refused"]), make_record(spans_refused=["span-3"])
    notify(settings, record, "breast")

    assert "published. Version 1774926000 is served. Spans refused: span-3." in (tmp_path / "told").read_text()


def test_without_a_channel_nobody_is_told() -> None:
    assert notify(AlertSettings(), make_record(action="failed"), "breast") == []


def test_a_command_that_fails_is_an_outcome_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    settings = AlertSettings(command=("no-such-program",))
    (outcome,) = notify(settings, make_record(), "breast")

    assert not outcome.delivered
    assert outcome.detail == "no-such-program cannot be run (No such file or directory)"
    assert outcome.detail in caplog.text


def test_how_commands_fail() -> None:
    assert fails("raise SystemExit(3)").endswith("ended with 3")
    assert fails("import sys; sys.exit('no  such\\nlist')").endswith("ended with 1: no such list")
    assert fails("import os; os.kill(os.getpid(), 9)").endswith("ended with -9")
    assert len(fails("import sys; sys.stderr.write('x' * 10_000_000); sys.exit(1)")) < 500
    # It ends before it has read all: more than a pipe holds.
    assert fails("raise SystemExit(5)", body=b"x" * 1_000_000).endswith("ended with 5")


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = f"sleep 600 & echo $! > {shlex.quote(str(file))}; wait"
    with pytest.raises(DeliveryError, match="sh took longer than 2 s"):
        run_command(["sh", "-c", program], b"{}", 2.0)

    child = int(file.read_text())
    deadline = time.monotonic() + 30
    while not is_gone(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_gone(child)


def is_gone(process: int) -> bool:
    """Whether it has ended, reaped or not."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_each_retraining_is_told_of_once(tmp_path: Path) -> None:
    settings, journal = saving(tmp_path / "told"), tmp_path / "alerts.jsonl"
    first = notify_once(settings, make_record(number=1), "breast", journal)
    again = notify_once(settings, make_record(number=1), "breast", journal)
    other = notify_once(settings, make_record(number=2, action="skipped"), "breast", journal)

    assert [len(first), len(again), len(other)] == [1, 0, 0]
    assert [json.loads(line)["number"] for line in (tmp_path / "told").read_text().splitlines()] == [1]
    assert [(entry.number, len(entry.outcomes)) for entry in read_journal(journal)] == [(1, 1), (2, 0)]


def test_a_crash_between_alert_and_journal_tells_twice(tmp_path: Path) -> None:
    settings, journal = saving(tmp_path / "told"), tmp_path / "alerts.jsonl"
    notify_once(settings, make_record(number=1), "breast", journal)
    whole = journal.read_bytes()
    for kept in range(len(whole)):  # at whichever byte it came
        journal.write_bytes(whole[:kept])
        entries = read_journal(journal)
        assert [entry.number for entry in entries] == ([1] if kept == len(whole) - 1 else [])
    journal.write_bytes(whole[:-20])
    notify_once(settings, make_record(number=1), "breast", journal)

    assert len((tmp_path / "told").read_text().splitlines()) == 2
    assert [entry.number for entry in read_journal(journal)] == [1]


def test_a_journal_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (outcome,) = notify_once(saving(tmp_path / "told"), make_record(), "breast", tmp_path / "absent" / "alerts.jsonl")

    assert outcome.delivered
    assert "the alerts of retraining 3 are not noted" in caplog.text
    assert "No such file or directory" in caplog.text


def test_the_configuration_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text()
    section = textwrap.dedent(page[page.index("    alerts:") : page.index("in the configuration")])
    data = "data: {dataset: image_folder, labels: [benign, malignant], positive_label: malignant}"
    (tmp_path / "hospital.yaml").write_text(f"name: hospital\n{data}\n{section}")
    alerts = load_config(str(tmp_path / "hospital.yaml")).alerts

    assert alerts.events == ("failed", "rejected", "span_refused", "published")
    assert (alerts.command[0], alerts.webhook.format) == ("sh", "text")
    assert alerts.webhook.url_from == "file:/etc/breast-imaging/chat-hook"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("alerts.webhook.url=http://hooks.example.org/a", "must begin with https://"),
        ("alerts.webhook.url=https://me:secret@example.org/a", "holds a password"),
        ("alerts.webhook.url=example.org", "is no URL"),
        ("alerts.webhook.url=https://example.org:0/", "is no URL"),
        ("alerts.webhook.url=https://example.org:99999/", "is no URL"),
        ("alerts.webhook.url=https://[::1/", "is no URL"),
        ("alerts.webhook={url: 'https://a.org', url_from: 'env:URL'}", "url and url_from are both given"),
        ("alerts.webhook={url: 'https://a.org', header_name: X-Key}", "go together"),
        ("alerts.webhook.signing_key_from=env:KEY", "there is no address"),
        ("alerts.webhook.url_from=hunter2", "should match pattern"),
        ("alerts.webhook.attempts=0", "greater than or equal to 1"),
        ("alerts.events=[publised]", "alerts.events.0"),
        ("alerts.command=['']", "command must begin with a program"),
    ],
)
def test_settings_that_cannot_be_used(override: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config("synthetic", [override])
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "alerts.webhook.url=http://hooks.example.org/hunter2",
        "alerts.webhook.url=https://me:hunter2@example.org/a",
        "alerts.webhook.url=https://example.org:hunter2/",
        "alerts.webhook.url=https://example.org℀hunter2/",  # no host name in normal form
        "alerts.webhook.url=[https://example.org/hunter2]",
        "alerts.webhook={url: 'https://example.org/hunter2', url_from: 'env:URL'}",
        "alerts.webhook=https://example.org/hunter2",
        "alerts={webhook: {url: 'https://example.org/hunter2'}, command: ['']}",
        "alerts.webhook.url_from=hunter2",
        "alerts.webhook.header_value_from=Bearer hunter2",
        "alerts.webhook.signing_key_from=hunter2",
        "alerts.command=['send', {token: hunter2}]",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(override: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config("synthetic", [override])

    told = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in told
    assert "alerts" in str(caught.value)


@pytest.mark.parametrize("url", ["https://a.org/x", "http://localhost:8/x", "http://127.0.0.1/x", "http://[::1]:9/"])
def test_addresses_that_can_be_used(url: str) -> None:
    assert load_config("synthetic", [f"alerts.webhook.url={url}"]).alerts.webhook.url == url


def test_the_command_sends_a_marked_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "told"
    command = json.dumps([sys.executable, "-c", SAVE, str(file)])
    # Even where that decision is not told of otherwise.
    options = ["--set", f"alerts.command={command}", "--set", "alerts.events=[failed]"]
    assert run_app(["alerts", "test", "--config", "synthetic", *options]) == 0

    told = json.loads(file.read_text())
    assert (told["test"], told["pipeline"], told["number"]) == (True, "synthetic", 0)
    assert told["text"].startswith("TEST, nothing happened. synthetic, retraining 0")
    assert capsys.readouterr().out == f"Alert by command delivered: {sys.executable} ended with 0\n"


def test_the_command_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--set", "alerts.command=['false']", "--set", "alerts.webhook.url_from=env:NO_SUCH_VARIABLE"]
    assert run_app(["alerts", "test", "--config", "synthetic", *options]) == 1

    assert capsys.readouterr().out == (
        "Alert by command NOT delivered: false ended with 1\n"
        "Alert by webhook NOT delivered: there is no secret in the environment variable NO_SUCH_VARIABLE\n"
    )


def test_the_command_without_a_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["alerts", "test", "--config", "synthetic"]) == 4
    assert "The configuration synthetic tells nobody." in capsys.readouterr().err
