"""The ledger: every image that was ever accepted, with its split, in generations that are only ever added.

A generation is a folder with what one span added: the manifest of its images, their fingerprints, by which later
spans find what resembles them, and `generation.json`, which holds the checksums of these and of the generation
before. So the checksum of the last one vouches for all. A generation is written aside and renamed: the ledger holds a
span whole or not at all.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from components.manifest import FILE_NAME, ManifestEntry, read_manifest
from components.near_duplicates import FINGERPRINT_LENGTH, DiskRows
from components.spans.file_states import FileState
from schema.durable_files import flush
from schema.errors import BreastImagingError

GENERATION_FILE: Final = "generation.json"
FINGERPRINTS_FILE: Final = "fingerprints.bin"  # rows of uint8, in the order of the manifest
_STAGING_PREFIX: Final = ".staging-"
_COPIED: Final = (FILE_NAME, FINGERPRINTS_FILE)
_ROWS_AT_ONCE: Final = 1024


class LedgerError(BreastImagingError):
    """The ledger is not what was written."""


class Generation(BaseModel):
    """What one span added.

    Attributes:
        number: counts from 1, without gaps; 0 before the ledger has it.
        span: name of its folder.
        retraining: number of the retraining that accepted it.
        accepted: ISO 8601, UTC.
        population: of the data settings; only images under the same classes can be in one ledger.
        drift: one sentence for each feature by which the span differs from the data accepted before.
        notes: what else a person should know of it.
        images, patients: how many of each can be trained on or tested with.
        files: all of the span's, as they were read.
        checksums: SHA-256 of the files of the generation.
        previous: SHA-256 of the generation before; empty for the first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = 0
    span: str
    retraining: int
    accepted: str
    population: str
    drift: list[str]
    notes: list[str]
    images: int
    patients: int
    files: dict[str, FileState]
    checksums: dict[str, str] = {}
    previous: str = ""


@dataclass(frozen=True)
class Ledger:
    """A folder of generations. Attributes: checksum: of the last one; empty where there is none."""

    folder: Path
    generations: Sequence[Generation]
    checksum: str

    @property
    def spans(self) -> list[str]:
        """Accepted, in the order of their acceptance."""
        return [generation.span for generation in self.generations]

    def entries(self) -> list[ManifestEntry]:
        """Of all spans, those that were left out too. Sources start with the span's name."""
        return [entry for folder in self._folders() for entry in read_manifest(str(folder))]

    def fingerprints(self) -> DiskRows[np.uint8]:
        """(entries, FINGERPRINT_LENGTH), on disk."""
        rows = DiskRows((FINGERPRINT_LENGTH,), np.uint8)
        for folder in self._folders():
            with (folder / FINGERPRINTS_FILE).open("rb") as file:
                while chunk := file.read(_ROWS_AT_ONCE * FINGERPRINT_LENGTH):
                    rows.append(np.frombuffer(chunk, np.uint8).reshape(-1, FINGERPRINT_LENGTH))
        return rows

    def _folders(self) -> list[Path]:
        return [self.folder / _name(generation) for generation in self.generations]


def read_ledger(folder: Path) -> Ledger:
    """Reads and verifies all generations. Raises LedgerError where one is missing, or is not what was written."""
    generations: list[Generation] = []
    checksum = ""
    for path in sorted(_folders_in(folder), key=lambda path: int(path.name.partition("-")[0])):
        generation = _read(path)
        if (generation.number, _name(generation)) != (len(generations) + 1, path.name):
            raise _broken(folder, f"{path.name} comes after {len(generations)} others")
        if generation.previous != checksum:
            raise _broken(folder, f"{path.name} does not follow the generation before it")
        wrong = [name for name in _COPIED if generation.checksums.get(name) != _digest(path / name)]
        if wrong:
            raise _broken(folder, f"{path.name}/{wrong[0]} is not what was written")
        generations.append(generation)
        checksum = _digest(path / GENERATION_FILE)
    return Ledger(folder, generations, checksum)


def add_generation(ledger: Ledger, generation: Generation, manifest: Path) -> Ledger:
    """Adds a span, in one step. Only who holds the output folder may call it.

    Args:
        generation: its checksums and the number are filled in here.
        manifest: folder with its manifest and fingerprints.

    Returns:
        The ledger with it.
    """
    ledger.folder.mkdir(parents=True, exist_ok=True)
    for orphan in ledger.folder.glob(f"{_STAGING_PREFIX}*"):
        shutil.rmtree(orphan)
    staging = ledger.folder / f"{_STAGING_PREFIX}{os.getpid()}"
    staging.mkdir()
    for name in _COPIED:
        shutil.copyfile(manifest / name, staging / name)
        flush(staging / name)
    whole = generation.model_copy(
        update={
            "number": len(ledger.generations) + 1,
            "checksums": {name: _digest(staging / name) for name in _COPIED},
            "previous": ledger.checksum,
        }
    )
    (staging / GENERATION_FILE).write_text(whole.model_dump_json(indent=1), encoding="utf-8")
    flush(staging / GENERATION_FILE)
    flush(staging)
    target = ledger.folder / _name(whole)
    staging.rename(target)
    flush(ledger.folder)
    return Ledger(ledger.folder, [*ledger.generations, whole], _digest(target / GENERATION_FILE))


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name[0].isdigit()] if folder.is_dir() else []


def _read(path: Path) -> Generation:
    try:
        return Generation.model_validate_json((path / GENERATION_FILE).read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise _broken(path.parent, f"{path.name}/{GENERATION_FILE} cannot be read") from error


def _name(generation: Generation) -> str:
    return f"{generation.number:06d}-{generation.span}"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # which no file has


def _broken(folder: Path, what: str) -> LedgerError:
    return LedgerError(
        f"The ledger in {folder} is broken: {what}.",
        fix="restore the folder from a backup; without it nobody knows which patients the models have seen",
    )
