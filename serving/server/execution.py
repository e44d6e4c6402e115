"""Runs requests in the threads that they came in, a few at once, and refuses those that would wait too long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.saved_model import Arrays
from serving.server.errors import RequestError
from serving.server.loaded_version import LoadedVersion

Outputs = dict[str, NDArray[np.generic]]
IsWanted = Callable[[], bool]


class Execution(Protocol):
    def run(self, version: LoadedVersion, signature: str, inputs: Arrays, is_wanted: IsWanted) -> Outputs:
        """Asks a version that the caller has leased.

        Args:
            is_wanted: whether somebody still waits for the answer; asked when it is the request's turn.

        Raises tf.errors.OpError where the model cannot answer, and RequestError where nobody waits any more.
        """
        ...


class DirectExecution:
    """Each request runs alone. TensorFlow lets go of Python's lock meanwhile."""

    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        """Args: slots: as many as requests run at once; more would only slow each other down."""
        self._slots = slots

    def run(self, version: LoadedVersion, signature: str, inputs: Arrays, is_wanted: IsWanted) -> Outputs:
        with self._slots:
            check_wanted(is_wanted)
            return version.model.run(signature, inputs)


def check_wanted(is_wanted: IsWanted) -> None:
    """Raises RequestError where the caller has gone, or its time is up."""
    if not is_wanted():
        raise RequestError(StatusCode.CANCELLED, "Nobody waits for the answer any more.")


class Admission:
    """Counts the requests inside."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._closed = False
        self._changed = threading.Condition()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Raises RequestError where as many are inside as may be, or after `close`."""
        with self._changed:
            if self._closed:
                raise RequestError(StatusCode.UNAVAILABLE, "The server is stopping.")
            if self._inside >= self._limit:
                raise RequestError(
                    StatusCode.RESOURCE_EXHAUSTED,
                    f"{self._limit} requests are being answered or wait; try again later.",
                )
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self, grace_seconds: float) -> None:
        """Lets nobody in any more, and returns once nobody is inside, or when the time is up."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0, grace_seconds)
