"""What the files of a span were when they were read, so that a later change is found."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from components.image_example_gen.files import list_folder
from schema.errors import DataRejectedError


class FileState(BaseModel):
    """Attributes: size: bytes; changed: nanoseconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    changed: int
    sha256: str


def read_file_states(folder: Path) -> dict[str, FileState]:
    """Of every file that ingestion would see, by path. Raises as `list_folder` does, and for what cannot be read."""
    return {path: _state(folder / path) for path in list_folder(str(folder)).paths}


def changed_files(folder: Path, then: Mapping[str, FileState]) -> Iterator[str]:
    """Paths that were added, removed or written anew. A file that was merely copied again has not changed."""
    now = set(list_folder(str(folder)).paths)
    yield from sorted(now ^ then.keys())
    yield from (path for path in sorted(now & then.keys()) if _has_changed(folder / path, then[path]))


def fingerprint_of(states: Mapping[str, FileState]) -> str:
    """Equal for the same paths with the same content."""
    digest = hashlib.sha256()
    for path in sorted(states):
        digest.update(f"{path}\0{states[path].sha256}\0".encode())
    return digest.hexdigest()


def _has_changed(path: Path, then: FileState) -> bool:
    if path.is_file():
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) == (then.size, then.changed):
            return False
    return _state(path).sha256 != then.sha256


def _state(path: Path) -> FileState:
    if not path.is_file():  # reading a pipe may never end
        raise DataRejectedError(f"{path} is no file that can be read.", fix="repair or remove it")
    try:
        with path.open("rb") as file:
            status = path.stat()
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataRejectedError(
            f"{path} cannot be read ({error.strerror}).", fix="allow this user to read it"
        ) from error
    return FileState(size=status.st_size, changed=status.st_mtime_ns, sha256=checksum)
