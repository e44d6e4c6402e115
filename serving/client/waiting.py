"""How long, and how often, a client asks for a model that is not there yet."""

import time
from typing import Final

from serving.client.errors import (
    ClientError,
    DeadlineExceededError,
    NoSuchModelError,
    NotAvailableError,
    ServerUnavailableError,
)
from serving.client.settings import Asked

NOT_YET: Final = (ServerUnavailableError, NoSuchModelError, DeadlineExceededError)

_FIRST_PAUSE: Final = 0.1  # seconds
_LONGEST_PAUSE: Final = 1.0
_SHORTEST_CALL: Final = 1.0  # else the last attempt fails for want of time, which says nothing of the model


class Waiting:
    """Counts the time from its making on. Attributes: limit: seconds; with 0 there is one attempt."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._end = time.monotonic() + limit
        self._pause = _FIRST_PAUSE

    @property
    def call_limit(self) -> float:
        """Seconds for the next attempt."""
        return max(self._left, _SHORTEST_CALL)

    def pause(self, asked: Asked, reason: ClientError) -> float:
        """Seconds until the next attempt. Raises NotAvailableError, or the reason, where there is no time for one."""
        if self.limit == 0:
            raise reason
        if self._left <= self._pause:
            raise NotAvailableError(
                f"{asked} did not become available within {self.limit:g} s: {reason.what}",
                fix=reason.fix,
                reasons=reason.reasons,
            ) from reason
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    @property
    def _left(self) -> float:
        return self._end - time.monotonic()
