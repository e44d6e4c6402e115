"""One version of a model in memory, which stays there for as long as anybody uses it."""

import threading
from collections.abc import Callable

from serving.saved_model import SessionModel


class LoadedVersion:
    """Counts its users, in threads and in the event loop alike.

    Attributes: number: the version; model: to ask, between `retain` and `release`.
    """

    def __init__(self, number: int, model: SessionModel, on_idle: Callable[[], None]) -> None:
        """Args: on_idle: called whenever the last user has gone."""
        self.number = number
        self.model = model
        self._on_idle = on_idle
        self._lock = threading.Lock()
        self._users = 0

    @property
    def is_idle(self) -> bool:
        with self._lock:
            return self._users == 0

    def retain(self) -> None:
        with self._lock:
            self._users += 1

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            idle = self._users == 0
        if idle:
            self._on_idle()
