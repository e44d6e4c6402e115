"""Failures that a person can act on, each with the exit code of the command that meets it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

EXIT_PUBLISHED = 0
EXIT_FAILED = 1
EXIT_DATA_REJECTED = 2
EXIT_NOT_BLESSED = 3
EXIT_BAD_CONFIGURATION = 4

SHOWN_REASONS = 45


class BreastImagingError(Exception):
    """What went wrong, where, and what to do about it."""

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, what: str, *, fix: str, reasons: Sequence[str] = ()) -> None:
        """Args:
        what: one sentence that names the file, split or component concerned.
        fix: what the reader can do.
        reasons: one line for each single finding; a long list is cut when shown.
        """
        self.what = what
        self.fix = fix
        self.reasons = tuple(reasons)
        super().__init__(what, fix, self.reasons)

    def __reduce__(self) -> tuple[object, ...]:  # keyword arguments survive pickling between workers
        return (_rebuild, (type(self), self.what, self.fix, self.reasons))

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        yield self.what
        for reason in self.reasons[:SHOWN_REASONS]:
            yield f"  - {reason}"
        if len(self.reasons) > SHOWN_REASONS:
            yield f"  ... and {len(self.reasons) - SHOWN_REASONS} more"
        yield f"What to do: {self.fix}"


def _rebuild(error: type[BreastImagingError], what: str, fix: str, reasons: tuple[str, ...]) -> BreastImagingError:
    return error(what, fix=fix, reasons=reasons)


class DataRejectedError(BreastImagingError):
    """The data cannot be trained on or believed as they are."""

    exit_code = EXIT_DATA_REJECTED


class ModelNotBlessedError(BreastImagingError):
    """The model fell short of a threshold and was not published."""

    exit_code = EXIT_NOT_BLESSED


class ConfigurationError(BreastImagingError):
    """The command line, the configuration or a folder named in it cannot be used."""

    exit_code = EXIT_BAD_CONFIGURATION


class PublishingError(BreastImagingError):
    """A blessed model could not be published; what was published before is untouched."""


class ScheduleError(BreastImagingError):
    """systemd or cron refused; what was scheduled before is untouched."""
