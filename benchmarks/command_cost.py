"""Time and memory of a command, with all processes that it starts."""

import subprocess
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import psutil

from benchmarks.measuring import ProcessCost, cost_of
from schema.errors import BreastImagingError

SECONDS_BETWEEN_SAMPLES: Final = 0.25
SHOWN_LINES: Final = 5
_MIB: Final = 2**20


class CommandFailedError(BreastImagingError):
    """A command that was to be measured ended otherwise than expected."""


def cost_of_command(command: Sequence[str], log: Path, expected: Collection[int] = (0,)) -> ProcessCost:
    """Runs a command to its end, with what it prints going to a file; no other child may end meanwhile.

    Its memory is the proportional set size of all processes together, in which pages that they share count once, at
    the highest of samples; what ends between two of them is missed.

    Args:
        expected: exit statuses.

    Raises CommandFailedError for any other status, with the end of what was printed.
    """
    peaks: list[int] = []
    cost = cost_of(lambda: peaks.append(_run(command, log, expected)))
    return ProcessCost(cost.seconds, cost.processor_seconds, peaks[0] / _MIB)


def _run(command: Sequence[str], log: Path, expected: Collection[int]) -> int:
    """Returns the bytes of memory that it had at most."""
    with (
        log.open("wb") as printed,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT) as process,
    ):
        sampler = _MemorySampler(process.pid)
        sampler.start()
        try:
            status = process.wait()
        except BaseException:
            process.terminate()
            raise
        finally:
            sampler.stop()
    if status not in expected:
        raise CommandFailedError(
            f"A command that was to be measured ended with status {status}: {' '.join(command)}",
            reasons=log.read_text("utf-8", "replace").splitlines()[-SHOWN_LINES:],
            fix="run it by itself, and see what it says",
        )
    return sampler.peak_bytes


class _MemorySampler(threading.Thread):
    """Attributes: peak_bytes: the highest sum over a process and its descendants so far."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._process_id = process_id
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_SAMPLES):
            self.peak_bytes = max(self.peak_bytes, bytes_of_tree(self._process_id))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def bytes_of_tree(process_id: int) -> int:
    """Of a process and all that it has started, now; 0 where it has ended."""
    try:
        root = psutil.Process(process_id)
        return sum(_bytes_of(process) for process in [root, *root.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _bytes_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:  # it has ended meanwhile
        return 0
