"""The console command: exit codes and messages, without a run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.main import run_app
from pipeline.config import shipped_configs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "Missing option '--config'"),
        (["data", "describe", "--config", "busi"], "Missing option '--data'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["data", "nonsense"], "No such command 'nonsense'"),
        (["run", "--config", "busi", "--nonsense"], "No such option: --nonsense"),
        (["run", "--config"], "Option '--config' requires an argument"),
        (["run", "busi"], "Missing option '--config'"),
        (["run", "--config", "busi", "extra"], "Got unexpected extra argument(s) (extra)"),
    ],
)
def test_usage_that_is_wrong_exits_with_4(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(arguments) == 4
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["data", "--help"], ["data", "describe", "--help"]]
)
def test_help_exits_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(arguments) == 0
    captured = capsys.readouterr()
    assert "Usage:" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "default"),
    [
        (["run"], "runs/<name>"),
        (["kubeflow", "status"], "that in KF_PIPELINES_ENDPOINT"),
        (["release", "promote"], "the canary"),
    ],
)
def test_help_shows_defaults_that_are_described(
    arguments: list[str], default: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # for no line to be broken

    assert run_app([*arguments, "--help"]) == 0
    assert f"[default: ({default})]" in capsys.readouterr().out


def test_an_unknown_configuration_exits_with_4_and_names_the_shipped_ones(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run_app(["run", "--config", "bussi"]) == 4
    message = capsys.readouterr().err
    assert "There is no configuration 'bussi'" in message
    assert "did you mean 'busi'?" in message
    assert f"shipped configurations: {', '.join(shipped_configs())}" in message
    assert list(tmp_path.iterdir()) == []


def test_an_override_that_is_wrong_exits_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["run", "--config", "synthetic", "--set", "train.epoch=3"]) == 4
    assert "train.epoch: there is no such key; did you mean 'epochs'?" in capsys.readouterr().err


def test_a_missing_data_folder_exits_with_4(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")

    for command in (["run", "--output", str(tmp_path / "out")], ["data", "describe"]):
        assert run_app([*command, "--config", "synthetic", "--data", gone]) == 4
        assert f"The data folder {gone} does not exist." in capsys.readouterr().err


def test_data_that_have_to_be_obtained_exit_with_4(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_app(["run", "--config", "busi", "--output", str(tmp_path)]) == 4
    assert "has to be obtained by yourself" in capsys.readouterr().err
    assert run_app(["data", "generate", "--config", "busi", "--data", str(tmp_path / "new")]) == 4
    assert "'busi' cannot be made" in capsys.readouterr().err


def test_data_that_are_rejected_exit_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "broken.png").write_bytes(b"no image")

    assert run_app(["data", "audit", "--config", "image_folder", "--data", str(tmp_path)]) == 2
    message = capsys.readouterr().out
    assert "The data gate would refuse these data." in message
    assert "benign/broken.png: the content is not an image in a supported format" in message


def test_an_interrupted_command_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str, overrides: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.cli.job.load_config", interrupt)

    assert run_app(["run", "--config", "synthetic"]) == 1
    assert capsys.readouterr().err == "\nInterrupted.\n"


def test_importing_the_command_imports_nothing_heavy() -> None:
    heavy = {"tensorflow", "keras", "apache_beam", "pandas", "numpy", "tfx"}
    program = f"import sys, pipeline.cli.main; print(sorted({heavy!r} & set(sys.modules)))"

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "[]\n"


def test_the_process_ends_with_the_exit_code_and_without_a_traceback() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli.main import main; main()", "run", "--config", "nope"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 4
    assert "Traceback" not in finished.stderr
    assert "There is no configuration 'nope'" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--require-gpu"], ["train.require_gpu=true"]),
        (["--set", "train.epochs=1", "--require-gpu"], ["train.epochs=1", "train.require_gpu=true"]),
        ([], []),
    ],
)
@pytest.mark.parametrize(("command", "position"), [("run", 3), ("crossval", 5)])
def test_require_gpu_is_a_setting_of_the_training(
    command: str, position: int, arguments: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def take(*values: Any) -> int:
        given.extend(values)
        return 0

    monkeypatch.setattr(f"pipeline.cli.{command}.{command}_command", take)

    assert run_app([command, "--config", "synthetic", *arguments]) == 0
    assert given[position] == expected
