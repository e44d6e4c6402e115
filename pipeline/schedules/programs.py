"""The programs of systemd and cron."""

import os
import shutil
import subprocess
from typing import Final

from schema.errors import ScheduleError

_LONGEST: Final = 60.0  # seconds


def is_there(program: str) -> bool:
    return shutil.which(program) is not None


def run_program(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a program, in English, with a text on its standard input; its exit code is for the caller to judge.

    Text that is not UTF-8 survives the way in and out.

    Raises ScheduleError where there is no such program, or it hangs.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_LONGEST,
            check=False,
        )
    except OSError as error:
        raise ScheduleError(
            f"{command[0]} cannot be run ({error.strerror}).", fix="install it, or take the other --engine"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ScheduleError(f"{command[0]} did not end within {_LONGEST:g} s.", fix="try again") from error


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """What it had to say about its failure, on one line."""
    return " ".join((ended.stderr or ended.stdout).split()) or f"exit code {ended.returncode}"
