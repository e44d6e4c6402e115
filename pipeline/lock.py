"""Locks between processes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schema.errors import BreastImagingError


@contextmanager
def locked(file: Path, taken: BreastImagingError) -> Iterator[None]:
    """Holds the lock for this process; the system lets go of it even after a crash.

    Args:
        file: made where it is missing, in a folder that exists. Nothing is written to it.
        taken: raised where another process holds the lock.

    Raises OSError where the file cannot be opened.
    """
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken from error
        yield
