"""Paths of the command line, which are files and folders of this machine."""

import re
from pathlib import Path
from typing import Final

from schema.errors import ConfigurationError

# `Path` takes one of the slashes of gs://bucket, and would make a folder named `gs:`.
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:/.*", re.IGNORECASE)


def check_local(path: Path, what: str) -> None:
    """Raises ConfigurationError where the path is a URI. Args: what: the folder is, for the message."""
    found = _URI.fullmatch(str(path))
    if found:
        raise ConfigurationError(
            f"{what} {path} is a URI, and images, artifacts and models are read and written as files.",
            fix="mount the bucket or copy it, and name the folder; what a mount needs: docs/storage.md",
        )
