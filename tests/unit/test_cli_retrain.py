"""`breast-imaging retrain`: its exit codes, and what it shows of earlier decisions."""

from pathlib import Path

import pytest

from pipeline.cli import retrain
from pipeline.cli.main import run_app
from pipeline.output import OutputFolder
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.record import Action, RetrainingRecord


def record(number: int, action: Action = "published") -> RetrainingRecord:
    return RetrainingRecord(
        number=number,
        started=f"2026-0{number}-01T02:00:00+00:00",
        finished=f"2026-0{number}-01T03:00:00+00:00",
        action=action,
        reasons=["Enough is new: 50 new images of 10 patients."],
        spans_new=[f"2026-0{number}"],
        spans_refused=[f"2026-0{number}"] if action == "span_refused" else [],
        drift=["2026-01: brightness: differs"],
        figures={"test_auc": 0.91},
        incumbent_figures={"test_auc": 0.9},
        published_version=1_700_000_000 + number if action == "published" else None,
        report=f"retraining/reports/{number:06d}/index.html",
        configuration="0" * 64,
    )


@pytest.fixture
def output(tmp_path: Path) -> OutputFolder:
    return OutputFolder(tmp_path / "results")


def test_the_status_shows_all_retrainings_and_the_reasons_of_the_last(
    output: OutputFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    folder = RetrainingFolder(output.retraining)
    for each in (record(1), record(2, "span_refused")):
        folder.add_record(each)

    assert run_app(["retrain", "--config", "synthetic", "--status", "--output", str(output.root)]) == 0

    shown = capsys.readouterr().out
    rows = [line.split("│")[1:-1] for line in shown.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["1", "2026-01-01 02:00", "published", "2026-01", "", "0.910", "0.900", "1700000001"],
        ["2", "2026-02-01 02:00", "span refused", "2026-02", "2026-02", "0.910", "0.900", ""],
    ]
    assert "Retraining 2: span refused\n  Enough is new: 50 new images of 10 patients.\n" in shown
    assert "Drift:     2026-01: brightness: differs\n" in shown
    assert f"History:   {folder.history_file}\n" in shown


def test_the_status_of_nothing_changes_nothing(output: OutputFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["retrain", "--config", "synthetic", "--status", "--output", str(output.root)]) == 0
    assert "No retraining has ended" in capsys.readouterr().out
    assert not output.root.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No folder of spans is named"),
        (["--data", "nowhere"], "The data folder nowhere does not exist"),
        (["--data", ".", "--set", "retraining.windw=3"], "did you mean 'window'?"),
        (["--data", ".", "--set", "retraining.window=-1"], "retraining.window"),
    ],
)
def test_bad_usage_is_told_in_one_message(
    arguments: list[str],
    message: str,
    output: OutputFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_app(["retrain", "--config", "synthetic", "--output", str(output.root), *arguments]) == 4
    told = capsys.readouterr().err
    assert message in told
    assert "What to do: " in told


def test_every_end_has_an_exit_code() -> None:
    assert retrain.EXIT_CODES == {
        "skipped": 0,
        "published": 0,
        "span_refused": 2,
        "rejected": 3,
        "failed": 1,
    }
