"""Which retrainings were told of: one JSON line each, beside their history."""

import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.alerts.delivery import AlertOutcome
from pipeline.alerts.notify import notify
from pipeline.alerts.settings import AlertSettings
from pipeline.retraining.record import RetrainingRecord

_LOGGER = logging.getLogger(__name__)


class JournalEntry(BaseModel):
    """Attributes: outcomes: none where there was nothing to tell, or nobody."""

    model_config = ConfigDict(frozen=True)

    number: int
    outcomes: list[AlertOutcome]


def notify_once(
    settings: AlertSettings, record: RetrainingRecord, pipeline: str, journal: Path
) -> list[AlertOutcome]:
    """As `notify`, and nothing where the journal says that it was done.

    To be called for the new record, and at the next start again, when a crash may have come between record and alert.
    The caller holds the lock of the output folder. A journal that cannot be read or written is logged, and the alert
    sent: twice is better than not at all.
    """
    if any(entry.number == record.number for entry in read_journal(journal)):
        return []
    outcomes = notify(settings, record, pipeline)
    try:
        _append(journal, JournalEntry(number=record.number, outcomes=outcomes))
    except OSError as error:
        _LOGGER.warning(
            "the alerts of retraining %d are not noted in %s (%s)", record.number, journal, error.strerror
        )
    return outcomes


def read_journal(journal: Path) -> list[JournalEntry]:
    """The entries, oldest first; lines that a crash cut short are left out."""
    try:
        lines = journal.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        _LOGGER.warning("%s cannot be read (%s)", journal, error.strerror)
        return []
    return [entry for entry in map(_parse, lines) if entry]


def _parse(line: str) -> JournalEntry | None:
    try:
        return JournalEntry.model_validate_json(line)
    except ValidationError:
        return None


def _append(journal: Path, entry: JournalEntry) -> None:
    with journal.open("ab") as file:
        # After a line that a crash cut short.
        start = b"\n" if file.tell() and not _ends_a_line(journal) else b""
        file.write(start + entry.model_dump_json().encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(journal: Path) -> bool:
    with journal.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
