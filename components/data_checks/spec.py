"""What the module of a check exports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from components.manifest import Manifest, SimilarPair, select
from components.settings import DataSettings

MOST_NAMED: Final = 6


@dataclass(frozen=True)
class Evidence:
    """What the checks look at.

    Attributes:
        entries: the images that were not dropped, those that cannot be used among them.
        pairs: images that show the same, or nearly.
        modality: of the data set, one of `components.datasets.spec.MODALITIES`.
        settings: of the data, with `labels` filled in.
    """

    entries: Manifest
    pairs: Sequence[SimilarPair]
    modality: str
    settings: DataSettings

    def without(self, sources: Sequence[str]) -> "Evidence":
        """The same, less some images."""
        left_out = set(sources)
        return replace(self, entries=select(self.entries, lambda entry: entry.source not in left_out))

    @cached_property
    def usable(self) -> Manifest:
        return select(self.entries, lambda entry: entry.usable)


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes:
        message: one line that names the images concerned.
        sources: the images to leave out if the fault is to be dropped.
    """

    message: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckSpec:
    """A check.

    Attributes:
        name: the key below `data.checks` that says what to do about its findings.
        title: for people.
        fix: how to correct the data.
        find: the faults. A clean data set gives none.
        disqualifies: whether what it finds are no pictures at all, so that further findings on them are beside the
            point.
    """

    name: str
    title: str
    fix: str
    find: Callable[[Evidence], Sequence[Finding]]
    disqualifies: bool = False


def name_images(names: Sequence[str]) -> str:
    """The first few of a list of images, and how many more there are."""
    shown, more = names[:MOST_NAMED], len(names) - MOST_NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
