"""Reads the files of a data folder, local or remote."""

import os
from collections.abc import Iterator

from tfx.dsl.io import fileio

from components.datasets.spec import Listing
from schema import contract
from schema.errors import ConfigurationError, DataRejectedError
from schema.images.formats import UnreadableImageError


def list_folder(root: str) -> Listing:
    """Every file below `root` but hidden ones.

    Raises:
        ConfigurationError: there is no such folder.
        DataRejectedError: the folder holds no file, or one whose name is not UTF-8.
    """
    if not fileio.isdir(root):
        raise ConfigurationError(f"The data folder {root} does not exist.", fix="name it with --data DIR")
    paths = sorted(_walk(root))
    if not paths:
        raise DataRejectedError(f"The data folder {root} is empty.", fix="name another one with --data DIR")
    unprintable = [path for path in paths if not _is_utf8(path)]
    if unprintable:
        raise DataRejectedError(
            f"{len(unprintable)} file names in {root} are not valid UTF-8.",
            reasons=[ascii(path) for path in unprintable],
            fix="rename these files",
        )
    return Listing(paths=paths, read_text=lambda path: read_text(root, path))


def read_file(path: str) -> bytes:
    """Raises UnreadableImageError for a file that cannot be read."""
    try:
        with fileio.open(path, "rb") as file:
            data: bytes = file.read(contract.MAXIMUM_FILE_BYTES + 1)
            return data
    except (OSError, fileio.NotFoundError) as error:
        raise UnreadableImageError(f"the file cannot be read ({error})") from error


def read_text(root: str, path: str) -> str:
    """Raises DataRejectedError for a file that is not UTF-8 text."""
    try:
        return read_file(f"{root}/{path}").decode()
    except UnicodeDecodeError as error:
        raise DataRejectedError(f"{path} is not UTF-8 text ({error}).", fix="save it as UTF-8") from error


def _walk(root: str) -> Iterator[str]:
    for directory, _, names in fileio.walk(root):
        relative = os.path.relpath(directory, root)
        for name in names:
            path = name if relative == "." else f"{relative}/{name}"
            if not any(part.startswith(".") for part in path.split("/")):
                yield path


def _is_utf8(path: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in path)
