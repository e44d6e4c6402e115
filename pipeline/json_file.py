"""Writes what a command found for other programs to read."""

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel

from schema.errors import ConfigurationError


def write_json(content: BaseModel, path: Path) -> None:
    """Replaces the file in one step. Raises ConfigurationError where it cannot be written."""
    try:
        _replace(path, content.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"The findings cannot be written to {path} ({error.strerror}).", fix="name another file with --json"
        ) from error


def _replace(path: Path, text: str) -> None:
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
