"""Turns whatever stopped a run into a message for people and an exit code."""

import errno
from collections.abc import Iterator
from typing import Final

from schema.errors import BreastImagingError

_NO_SPACE: Final = "No space left on device"
# ML Metadata and TFX report it in words alone.
_METADATA_LOST: Final = ("mysql_query failed", "mysql_real_connect failed")


def explain(error: BaseException) -> BreastImagingError:
    """The error of ours among the causes of another one, or one made from it."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, BreastImagingError):
            return cause
    if any(_is_disk_full(cause) for cause in causes):
        return BreastImagingError(
            "The disk is full; nothing was published and what was published before is untouched.",
            fix="make room, and run again: finished components are not repeated",
        )
    if any(_is_metadata_lost(cause) for cause in causes):
        return BreastImagingError(
            "The metadata server is gone, or fails; what was published before is untouched.",
            fix="see to the server (the log has its words), and run again: finished components are not repeated",
        )
    if any(_is_out_of_memory(cause) for cause in causes):
        return BreastImagingError(
            "There is not enough memory.", fix="lower train.batch_size, model.image_size or beam.workers"
        )
    return BreastImagingError(
        f"{type(error).__name__}: {_first_line(error)}",
        fix="see the log, or run again with --debug for the traceback",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_disk_full(error: BaseException) -> bool:
    # TensorFlow and SQLite report it in words alone.
    return (
        (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT})
        or _NO_SPACE in str(error)
        or "database or disk is full" in str(error)
    )


def _is_metadata_lost(error: BaseException) -> bool:
    return any(sign in str(error) for sign in _METADATA_LOST)


def _is_out_of_memory(error: BaseException) -> bool:
    # A Beam worker hands on the text alone, and TensorFlow has an error for all resources.
    return isinstance(error, MemoryError) or "MemoryError" in str(error) or "OOM when allocating" in str(error)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or ["no further message"]
    return lines[-1] if lines[0].startswith("Traceback ") else lines[0]
