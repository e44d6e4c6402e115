"""Version folders below the base folder of a model, and which of them are to be served."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

SAVED_MODEL_FILE: Final = "saved_model.pb"
_INT64_DIGITS: Final = 18  # fewer than overflow


def find_versions(base: Path) -> dict[int, Path]:
    """Complete version folders by number: those with a numeric name and a SavedModel. None where the base is gone."""
    try:
        entries = sorted(base.iterdir())  # so that of `007` and `7` the latter wins
    except OSError:
        return {}
    return {int(entry.name): entry for entry in entries if _is_version(entry)}


def _is_version(entry: Path) -> bool:
    name = entry.name
    return name.isascii() and name.isdigit() and len(name) <= _INT64_DIGITS and (entry / SAVED_MODEL_FILE).is_file()


class VersionPolicy(Protocol):
    """Chooses the versions to serve among those that there are."""

    def select(self, versions: Collection[int]) -> set[int]: ...


@dataclass(frozen=True)
class Latest:
    count: int = 1

    def select(self, versions: Collection[int]) -> set[int]:
        return set(sorted(versions)[-self.count :])


@dataclass(frozen=True)
class All:
    def select(self, versions: Collection[int]) -> set[int]:
        return set(versions)


@dataclass(frozen=True)
class Specific:
    versions: frozenset[int]

    def select(self, versions: Collection[int]) -> set[int]:
        return set(self.versions) & set(versions)


@dataclass(frozen=True)
class ModelConfig:
    """Attributes: labels: names of versions, such as `stable` and `canary`."""

    name: str
    base: Path
    policy: VersionPolicy
    labels: Mapping[str, int]
