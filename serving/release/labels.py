"""Where the labels of a model's versions move. A label is a name by which clients ask: stable, canary."""

from collections.abc import Mapping
from typing import Final

from schema.errors import ConfigurationError

STABLE: Final = "stable"
CANARY: Final = "canary"
PREVIOUS: Final = "previous"  # the stable version before this one, kept loaded so that going back takes no time

Labels = Mapping[str, int]


def with_canary(labels: Labels, version: int) -> Labels:
    """Raises ConfigurationError where no version is stable: the canary would serve those who ask for no label."""
    if STABLE not in labels:
        raise ConfigurationError(
            "There is a canary beside a stable version only, and no version is stable.",
            fix="make the version that serves now stable first: breast-imaging release promote VERSION",
        )
    return {**labels, CANARY: version}


def promoted(labels: Labels, version: int | None) -> Labels:
    """Makes a version stable, and remembers the one that was. Args: version: the canary where absent.

    Raises ConfigurationError where there is no canary, or where the version is stable already.
    """
    chosen = labels.get(CANARY) if version is None else version
    if chosen is None:
        raise ConfigurationError("There is no canary to promote.", fix="name a version, or a canary first")
    if labels.get(STABLE) == chosen:
        raise ConfigurationError(f"Version {chosen} is stable already.", fix="promote another version")
    former = {PREVIOUS: labels[STABLE]} if STABLE in labels else {}
    return {**labels, **former, STABLE: chosen}


def rolled_back(labels: Labels) -> Labels:
    """Makes the former stable version stable again, and forgets it as such.

    Other labels of the version that is left behind go along, so that nothing keeps it loaded: who names no label is
    answered by the highest version.

    Raises ConfigurationError where no former stable version is remembered.
    """
    if PREVIOUS not in labels:
        raise ConfigurationError(
            "No former stable version is remembered.", fix="name one: breast-imaging release promote VERSION"
        )
    left, restored = labels[STABLE], labels[PREVIOUS]
    return {name: restored if version == left else version for name, version in labels.items() if name != PREVIOUS}
