"""Alerts to a program of the user's."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from pipeline.alerts.delivery import DeliveryError

_MOST_SAID: Final = 300  # bytes of what a failing program said last


def run_command(command: Sequence[str], body: bytes, timeout_seconds: float) -> str:
    """Runs a program with a body on its standard input, and says how it ended.

    Raises DeliveryError where it cannot be started, ends with another exit code than 0 or takes too long; then it is
    killed with all that it started.
    """
    # To a file: a pipe would be held open, and filled, by whatever the program leaves behind.
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )
        except OSError as error:
            raise DeliveryError(f"{command[0]} cannot be run ({error.strerror})") from error
        with process:
            try:
                process.communicate(body, timeout=timeout_seconds)
            except subprocess.TimeoutExpired as error:
                raise DeliveryError(f"{command[0]} took longer than {timeout_seconds:g} s") from error
            finally:
                _kill_session(process.pid)
        if process.returncode != 0:
            raise DeliveryError(f"{command[0]} ended with {process.returncode}{_last_words(errors)}")
    return f"{command[0]} ended with 0"


def _kill_session(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _MOST_SAID))
    said = " ".join(errors.read(_MOST_SAID).decode("utf-8", errors="replace").split())
    return f": {said}" if said else ""
