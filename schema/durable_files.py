"""Writing that outlives a crash, and a power cut."""

import os
import shutil
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Puts UTF-8 text in the place of a file, in one step: a reader finds the old content or the new one.

    The text is on disk before that. Permissions of a file that was there are kept. Raises OSError.
    """
    # Of this process, so that two never write to the same one; opened as any other file, for the umask to hold.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            if path.exists() and path.stat().st_mode != partial.stat().st_mode:  # not every volume takes a chmod
                shutil.copymode(path, partial)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Returns when a file is on disk; of a folder, which names it has. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
