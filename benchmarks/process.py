"""Runs one benchmark in a process of its own, so that it finds no memory, threads or imports of another one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from pydantic import TypeAdapter

from benchmarks.figures import Figure, Progress
from benchmarks.worker import DOING, FIGURES
from schema.errors import BreastImagingError

SHOWN_LINES: Final = 20
_SECONDS_TO_END: Final = 10


def run_benchmark(module: str, folder: Path, report: Progress) -> list[Figure]:
    """Measures in a folder. However this ends, no process of the benchmark is left.

    Args:
        module: of the benchmark, with a function `measure`.
        folder: an empty one.

    Raises BreastImagingError, with the end of what the benchmark logged, where it fails.
    """
    work, log = folder / "work", folder / "log.txt"
    work.mkdir()
    figures: list[Figure] | None = None
    command = [sys.executable, "-m", "benchmarks.worker", module, str(work)]
    with log.open("wb") as file, _running(command, file) as process:
        assert process.stdout
        for line in process.stdout:
            message = json.loads(line)
            if DOING in message:
                report(message[DOING])
            else:
                figures = TypeAdapter(list[Figure]).validate_python(message[FIGURES])
        code = process.wait()
    if figures is None:
        raise BreastImagingError(
            f"The benchmark {module} has no figures: it ended {_how(code)}.",
            reasons=log.read_text("utf-8", "replace").splitlines()[-SHOWN_LINES:],
            fix=f"see all that it says: python -m benchmarks.worker {module} FOLDER",
        )
    return figures


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


@contextmanager
def _running(command: Sequence[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose output is read. It leads a session, which Ctrl-C does not reach and which ends as a whole."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True) as process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
