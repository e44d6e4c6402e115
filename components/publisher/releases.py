"""Version folders of a served model on a local file system."""

import os
import shutil
import time
from pathlib import Path
from typing import Final

from schema import contract
from schema.errors import PublishingError

_STAGING_PREFIX: Final = ".staging-"  # TensorFlow Serving loads numeric folders only


def versions(base: Path) -> list[int]:
    """The published versions, ascending."""
    if not base.is_dir():
        return []
    numbered = [entry for entry in base.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    return sorted(int(entry.name) for entry in numbered if entry.is_dir())


def stage(model: Path, cards: Path, base: Path) -> Path:
    """Copies a model and its cards beside the published versions, where no server looks, and flushes them to disk.

    Raises PublishingError where the copy fails; what was published before is untouched.
    """
    staging = base / f"{_STAGING_PREFIX}{os.getpid()}-{time.time_ns()}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        shutil.copytree(model, staging)
        shutil.copytree(cards, staging / contract.EXTRA_ASSETS, dirs_exist_ok=True)
        _flush(staging)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise PublishingError(
            f"The model cannot be copied to {base} ({error.strerror or error}).",
            fix="make room or grant access there, and run again; the versions published before still serve",
        ) from error
    return staging


def publish(staging: Path, base: Path) -> int:
    """Renames a staged model to the next version, in one step, and returns the version.

    Versions are seconds since 1970, or one more than the latest where that is not higher.
    """
    version = max([int(time.time()), *(latest + 1 for latest in versions(base))])
    while True:
        target = base / str(version)
        try:
            # Renaming onto a folder that is not empty fails, so two publishers never share a version.
            staging.rename(target)
        except OSError:
            if not target.exists():
                raise
            version += 1
            continue
        _flush_folder(base)
        return version


def discard(staging: Path) -> None:
    shutil.rmtree(staging, ignore_errors=True)


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
