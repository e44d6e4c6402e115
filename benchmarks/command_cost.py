"""Time and memory of a command, with all processes that it starts."""

import resource
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from benchmarks.measuring import ProcessCost
from schema.errors import BreastImagingError

SECONDS_BETWEEN_SAMPLES: Final = 0.25
SHOWN_LINES: Final = 5
_MIB: Final = 2**20


class CommandFailedError(BreastImagingError):
    """A command that was to be measured ended otherwise than expected."""


def cost_of_command(command: Sequence[str], log: Path, expected: Collection[int] = (0,)) -> ProcessCost:
    """Runs a command to its end, with what it prints going to a file; no other child may end meanwhile.

    Its memory is the proportional set size of all processes together, in which pages that they share count once, at
    the sample where their resident sizes add up to most; what ends between two samples is missed.

    Args:
        expected: exit statuses.

    Raises CommandFailedError for any other status, with the end of what was printed.
    """
    started, processor = time.perf_counter(), _processor_seconds_of_children()
    peak_bytes = _run(command, log, expected)
    seconds = time.perf_counter() - started
    return ProcessCost(seconds, _processor_seconds_of_children() - processor, peak_bytes / _MIB)


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


def _processor_seconds_of_children() -> float:
    """Without those of this process, which takes the samples."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _MemorySampler(threading.Thread):
    """Attributes: peak_bytes: of a process and its descendants, so far."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._process_id = process_id
        self._ended = threading.Event()

    def run(self) -> None:
        most_resident = 0
        while not self._ended.wait(SECONDS_BETWEEN_SAMPLES):
            resident = resident_bytes(self._process_id)
            if resident > most_resident:  # the other size is dear to ask for: the kernel looks at every page
                most_resident = resident
                self.peak_bytes = max(self.peak_bytes, proportional_bytes(self._process_id))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def resident_bytes(process_id: int) -> int:
    """Of a process and all that it has started, now, where shared pages count for each; 0 where it has ended."""
    return _sum_over_tree(process_id, lambda process: process.memory_info().rss)


def proportional_bytes(process_id: int) -> int:
    """The same, where shared pages count once."""
    return _sum_over_tree(process_id, lambda process: process.memory_full_info().pss)


def _sum_over_tree(process_id: int, bytes_of: Callable[[psutil.Process], int]) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process_id)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):  # it has ended meanwhile
                total += bytes_of(process)
    return total
