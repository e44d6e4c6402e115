"""How long requests took of late, by which the next one's time is guessed."""

import math
from typing import Final
from weakref import WeakKeyDictionary

from serving.server.loaded_version import LoadedVersion

_WEIGHT: Final = 0.2  # of the latest run in the mean


class RunTimes:
    """Means by version, signature and size, where sizes up to the same power of two are one. For one thread."""

    def __init__(self) -> None:
        self._means: WeakKeyDictionary[LoadedVersion, dict[tuple[str, int], float]] = WeakKeyDictionary()

    def expected(self, version: LoadedVersion, signature: str, size: int) -> float:
        """Seconds; infinite where none like it has run."""
        return self._means.get(version, {}).get((signature, size.bit_length()), math.inf)

    def add(self, version: LoadedVersion, signature: str, size: int, seconds: float) -> None:
        """Args: size: of the inputs, at least 0; seconds: that the run took."""
        means, key = self._means.setdefault(version, {}), (signature, size.bit_length())
        means[key] = means[key] + _WEIGHT * (seconds - means[key]) if key in means else seconds
