"""Writes what a command found for other programs to read."""

from pathlib import Path

from pydantic import BaseModel

from schema.durable_files import replace_text
from schema.errors import ConfigurationError


def write_json(content: BaseModel, path: Path) -> None:
    """Replaces the file in one step. Raises ConfigurationError where it cannot be written."""
    try:
        replace_text(path, content.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise ConfigurationError(
            f"The findings cannot be written to {path} ({error.strerror}).", fix="name another file with --json"
        ) from error
