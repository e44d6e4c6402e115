"""Reads the files of a data folder, local or remote."""

import os
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tfx.dsl.io import fileio

from components.datasets.spec import Listing
from schema import contract
from schema.errors import ConfigurationError, DataRejectedError
from schema.images.formats import UnreadableImageError


def list_folder(root: str) -> Listing:
    """Every file below `root` but hidden ones.

    Raises:
        ConfigurationError: there is no such folder, or it may not be read.
        DataRejectedError: the folder holds no file, or one whose name is not UTF-8.
    """
    if not fileio.isdir(root):
        raise ConfigurationError(f"The data folder {root} does not exist.", fix="name it with --data DIR")
    try:
        paths = sorted(_walk(root))
    except UnicodeDecodeError as error:
        raise DataRejectedError(
            f"The data folder {root} holds a file name that is not valid UTF-8: {error.object!r}.",
            fix="rename this file",
        ) from error
    except tf.errors.OpError as error:
        raise ConfigurationError(
            f"The data folder {root} cannot be listed ({error.message}).",
            fix="allow this user to read it and all folders in it",
        ) from error
    if not paths:
        raise DataRejectedError(f"The data folder {root} is empty.", fix="name another one with --data DIR")
    return Listing(paths=paths, read_text=lambda path: read_text(root, path))


def read_file(path: str) -> bytes:
    """Raises UnreadableImageError for a file that cannot be read."""
    if Path(path).exists() and not Path(path).is_file():
        raise UnreadableImageError("this is not a regular file")  # reading a pipe or a device may never end
    try:
        with fileio.open(path, "rb") as file:
            data: bytes = file.read(contract.MAXIMUM_FILE_BYTES + 1)
            return data
    except (OSError, tf.errors.OpError) as error:
        raise UnreadableImageError(f"the file cannot be read ({error})") from error


def read_text(root: str, path: str) -> str:
    """Raises DataRejectedError for a file that cannot be read or is not UTF-8 text."""
    try:
        return read_file(f"{root}/{path}").decode()
    except UnreadableImageError as error:
        raise DataRejectedError(f"{path}: {error}.", fix="repair or remove this file") from error
    except UnicodeDecodeError as error:
        raise DataRejectedError(f"{path} is not UTF-8 text ({error}).", fix="save it as UTF-8") from error


def _walk(root: str) -> Iterator[str]:
    for directory, folders, names in fileio.walk(root):
        folders[:] = [folder for folder in folders if not _leads_back(directory, folder)]
        relative = os.path.relpath(directory, root)
        for name in names:
            path = name if relative == "." else f"{relative}/{name}"
            if not any(part.startswith(".") for part in path.split("/")):
                yield path


def _leads_back(directory: str, folder: str) -> bool:
    """Whether a folder is a link to one that it lies in, so that following it would never end."""
    target = os.path.realpath(os.path.join(directory, folder))
    return os.path.commonpath([target, os.path.realpath(directory)]) == target
