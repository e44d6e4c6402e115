"""`breast-imaging app`: what ends it before it listens."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import run_app


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--address", "localhost"], "'localhost' is no address of a server."),
        (["--model", "gone"], "There is no folder gone."),
        (["--version", "3", "--label", "stable"], "Both version 3 and label 'stable' are asked for."),
        (["--tls-key", "key.pem"], "The client's certificate and its key belong together"),
        (["--deadline", "0"], "A deadline of 0 s is none."),
        (["--port", "0"], "Invalid value for '--port'"),
        (["--max-upload-mb", "9999"], "Invalid value for '--max-upload-mb'"),
    ],
)
def test_usage_that_is_wrong_exits_with_4(
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run_app(["app", *options]) == 4
    assert message in capsys.readouterr().err


def test_the_page_needs_no_tensorflow() -> None:
    program = "import sys, serving.app.page, serving.app.server; print('tensorflow' in sys.modules)"

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout == "False\n"
