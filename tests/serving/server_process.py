"""The embedded server in a process of its own, started as a user starts it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = "from pipeline.cli.main import main; main()"
_ADDRESSES = re.compile(r"gRPC at (\S+:\d+), REST at (https?://\S+:\d+)")
LIMIT_SECONDS = 120.0


def wait_for(condition: Callable[[], bool], what: str, limit_seconds: float = LIMIT_SECONDS) -> None:
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, f"not within {limit_seconds} s: {what}"
        time.sleep(0.02)


class ServerProcess:
    """Use as a context manager; it has started when that is entered."""

    def __init__(self, *arguments: str) -> None:
        self._output = tempfile.TemporaryFile("w+b")  # noqa: SIM115  open for as long as the process
        command = [sys.executable, "-c", _PROGRAM, "serve", "--grpc-port", "0", "--rest-port", "0", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT, env=environment)

    def __enter__(self) -> Self:
        self.wait_for_output("REST at")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._output.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def grpc_address(self) -> str:
        return self._addresses()[0]

    @property
    def rest_url(self) -> str:
        return self._addresses()[1]

    def output(self) -> str:
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode()

    def wait_for_output(self, text: str) -> None:
        wait_for(lambda: text in self.output() or self._process.poll() is not None, text)
        assert text in self.output(), self.output()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code."""
        return self._process.wait(LIMIT_SECONDS)

    def _addresses(self) -> tuple[str, str]:
        found = _ADDRESSES.search(self.output())
        assert found, self.output()
        return found[1], found[2]
