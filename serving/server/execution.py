"""Runs requests in threads, and refuses those that would wait too long."""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.saved_model import Arrays
from serving.server.errors import RequestError
from serving.server.loaded_version import LoadedVersion

Outputs = dict[str, NDArray[np.generic]]


class Execution(Protocol):
    async def run(self, version: LoadedVersion, signature: str, inputs: Arrays) -> Outputs:
        """Raises tf.errors.OpError where the model cannot answer."""
        ...


class DirectExecution:
    """Each request runs alone. TensorFlow lets go of Python's lock meanwhile."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def run(self, version: LoadedVersion, signature: str, inputs: Arrays) -> Outputs:
        # A caller that goes away does not stop the thread, which therefore has a hold on the version of its own.
        version.retain()
        work = self._threads.submit(version.model.run, signature, inputs)
        work.add_done_callback(lambda _: version.release())
        return await asyncio.wrap_future(work)


class Admission:
    """Counts the requests inside. For the event loop alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Raises RequestError where as many are inside as may be, or after `close`."""
        if self._closed:
            raise RequestError(StatusCode.UNAVAILABLE, "The server is stopping.")
        if self._inside >= self._limit:
            raise RequestError(
                StatusCode.RESOURCE_EXHAUSTED, f"{self._limit} requests are being answered or wait; try again later."
            )
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if self._inside == 0:
                self._empty.set()

    async def close(self, grace_seconds: float) -> None:
        """Lets nobody in any more, and returns once nobody is inside, or when the time is up."""
        self._closed = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace_seconds)
