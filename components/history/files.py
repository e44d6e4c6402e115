"""Folders and files on a file system or in an object store (`gs://`)."""

import os
from typing import Final

from tfx.dsl.io import fileio

_PARTIAL: Final = ".partial"


def names_in(directory: str) -> list[str]:
    """Nothing where there is no such folder."""
    if not fileio.isdir(directory):
        return []
    return [name.rstrip("/") for name in fileio.listdir(directory)]


def copy_file(source: str, target: str) -> None:
    """Makes the folder of the target; the target is there whole or not at all, and may be there already."""
    fileio.makedirs(os.path.dirname(target))
    fileio.copy(source, target + _PARTIAL, overwrite=True)
    fileio.rename(target + _PARTIAL, target, overwrite=True)
