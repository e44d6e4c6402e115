"""Reports of the data gate on data that it has accepted, each in a folder of its own.

A folder's name is the time in nanoseconds since 1970 and the SHA-256 of the manifest of the data. A report counts
once `gate.json` is there, which is written last and whole, so that neither a crash nor a reader meets half of one.
"""

import hashlib
import re
from typing import Final

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components.data_gate.report import REPORT_FILE, STATISTICS_FILE
from components.history.files import copy_file, names_in
from components.manifest import FILE_NAME

_ENTRY: Final = re.compile(r"(?P<time>\d+)-(?P<manifest>[0-9a-f]{64})")


def keep_report(report: str, manifest: str, directory: str, time_ns: int) -> None:
    """Args:
    report: folder that the gate has left.
    manifest: folder of the manifest of the same data.
    directory: of all reports; made where it is not there.
    time_ns: now, in nanoseconds since 1970.
    """
    entry = f"{directory}/{time_ns}-{_digest(manifest)}"
    for name in (STATISTICS_FILE, REPORT_FILE):
        copy_file(f"{report}/{name}", f"{entry}/{name}")


def latest_other_report(manifest: str, directory: str) -> str | None:
    """The folder of the newest report on other data than those of the manifest; None where there is none."""
    at_hand = _digest(manifest)
    matches = [match for name in names_in(directory) if (match := _ENTRY.fullmatch(name))]
    for match in sorted(matches, key=lambda match: int(match["time"]), reverse=True):
        entry = f"{directory}/{match[0]}"
        if match["manifest"] != at_hand and fileio.exists(f"{entry}/{REPORT_FILE}"):
            return entry
    return None


def _digest(manifest: str) -> str:
    return hashlib.sha256(io_utils.read_bytes_file(f"{manifest}/{FILE_NAME}")).hexdigest()
