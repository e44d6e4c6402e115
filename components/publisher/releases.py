"""Version folders of a served model on a file system: whole or not there at all, whenever a publisher dies."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from components.publisher.checksums import checksums_of, write_checksums
from schema import contract
from schema.durable_files import flush
from schema.errors import PublishingError

# A server loads numeric folders only, so it sees neither of these.
_STAGING_PREFIX: Final = ".staging-"
_LOCK: Final = ".publishing.lock"


def versions(base: Path) -> list[int]:
    """The published versions, ascending."""
    if not base.is_dir():
        return []
    numbered = [entry for entry in base.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    return sorted(int(entry.name) for entry in numbered if entry.is_dir())


@contextmanager
def staged(model: Path, cards: Path, base: Path) -> Iterator[Path]:
    """A copy of a model and its cards beside the published versions, flushed to disk, with its files' checksums.

    Nobody else publishes to the folder meanwhile; who tries waits. What publishers left that were killed is removed.

    Raises PublishingError where the copy fails; what was published before is untouched.
    """
    staging = base / f"{_STAGING_PREFIX}{os.getpid()}-{time.time_ns()}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        lock = (base / _LOCK).open("w")
    except OSError as error:
        raise _failure(base, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go of by the system when the process ends, however it does
            _sweep(base)
            _copy(model, cards, staging)
            yield staging
        except OSError as error:
            raise _failure(base, error) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)  # not there any more once it is published


def publish(staging: Path, base: Path) -> int:
    """Renames a staged model to the next version, in one step, and returns the version.

    Versions are seconds since 1970, or one more than the latest where that is not higher.
    """
    version = max([int(time.time()), *(latest + 1 for latest in versions(base))])
    while True:
        target = base / str(version)
        try:
            # Renaming onto a folder that is not empty fails, so that not even who ignores the lock is overwritten.
            staging.rename(target)
        except OSError:
            if not target.exists():
                raise
            version += 1
            continue
        flush(base)
        return version


def _failure(base: Path, error: OSError) -> PublishingError:
    return PublishingError(
        f"The model cannot be copied to {base} ({error.strerror or error}).",
        fix="make room or grant access there, and run again; the versions published before still serve",
    )


def _sweep(base: Path) -> None:
    """Under the lock, so that whoever staged them is gone."""
    for orphan in base.glob(f"{_STAGING_PREFIX}*"):
        shutil.rmtree(orphan)


def _copy(model: Path, cards: Path, staging: Path) -> None:
    shutil.copytree(model, staging)
    shutil.copytree(cards, staging / contract.EXTRA_ASSETS, dirs_exist_ok=True)
    cards_there = {f"{contract.EXTRA_ASSETS}/{name}": digest for name, digest in checksums_of(cards).items()}
    copied = checksums_of(staging)
    if copied != checksums_of(model) | cards_there:
        raise OSError("the copy differs from the model")
    write_checksums(staging, copied)
    _flush(staging)


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        flush(path)
    flush(folder)
