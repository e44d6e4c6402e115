"""Files that are replaced in one step: a reader finds the old content or the new one, and nothing between."""

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, flushed to disk before it takes the old one's place. Raises OSError."""
    # Of this process, so that two never write to the same one; opened as any other file, for the umask to hold.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
