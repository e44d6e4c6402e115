"""Runs the graph in a process of its own, and passes what it tells on to whoever shows it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final

from pipeline.config import Config
from pipeline.events import Event, RunFailed, RunFinished, parse_event
from pipeline.output import OutputFolder
from pipeline.worker import Job, WorkerTask
from schema.errors import EXIT_FAILED

_GRACE_SECONDS: Final = 5.0
_CHUNK_BYTES: Final = 65536


class RunInterruptedError(Exception):
    """Somebody asked the run to stop."""


def run_session(
    job: Job, config: Config, data: Path, output: OutputFolder, show: Callable[[Event], None]
) -> RunFailed | RunFinished:
    """Does the job to its end, with everything that TFX and TensorFlow print going to the log.

    Raises RunInterruptedError where Ctrl-C or a signal stops the run; the process that ran it has ended by then.
    """
    log = new_log(output)
    reading, writing = os.pipe()
    task = WorkerTask(job=job, config=config, data=data.resolve(), output=output.root, events=writing)
    with _interruptible():
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,  # so that Ctrl-C reaches this process alone, which then stops the other
        )
        os.close(writing)
        logging = threading.Thread(target=_keep_log, args=(process.stdout, log))
        logging.start()
        try:
            return _watch(process, task, reading, show, log)
        except KeyboardInterrupt as error:
            raise RunInterruptedError from error
        finally:
            _stop(process)
            logging.join()


def _keep_log(printed: IO[bytes], log: Path) -> None:
    """Writes to the log what the process prints, and goes on reading when the disk is full, lest it hang."""
    with log.open("wb", buffering=0) as file:
        while chunk := printed.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
            with suppress(OSError):
                file.write(chunk)


def new_log(output: OutputFolder) -> Path:
    return output.logs / f"run-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def _watch(
    process: subprocess.Popen[bytes],
    task: WorkerTask,
    reading: int,
    show: Callable[[Event], None],
    log: Path,
) -> RunFailed | RunFinished:
    assert process.stdin is not None
    with os.fdopen(reading, encoding="utf-8") as lines:
        # The pipe stays open: when this process dies, however it does, the other one hears it.
        process.stdin.write(task.model_dump_json().encode() + b"\n")
        process.stdin.flush()
        for line in lines:
            event = parse_event(line)
            if isinstance(event, RunFailed | RunFinished):
                return event
            show(event)
    return _died(process.wait(), log)


def _died(status: int, log: Path) -> RunFailed:
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return RunFailed(
        component="",
        lines=[
            f"The process that ran the pipeline {how} without a word.",
            f"What to do: see {log}; SIGKILL usually means that memory ran out: lower train.batch_size,"
            " model.image_size or beam.workers, and run again",
        ],
        exit_code=EXIT_FAILED,
        trace="",
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all that it started; what it had finished stays, what it had not is not published."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)  # a thread that waits for native code does not hear it
    with suppress(ProcessLookupError):  # nothing is left of its session
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treats a polite request to end as Ctrl-C, and pays no heed to a second one, lest it cut the ending short."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: FrameType | None) -> None:
        for heard in signals:
            signal.signal(heard, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
