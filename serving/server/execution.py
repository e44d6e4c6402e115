"""Runs requests, in threads where others might have to wait, and refuses those that would wait too long."""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Protocol

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.saved_model import Arrays, SessionModel
from serving.server.errors import RequestError
from serving.server.loaded_version import LoadedVersion
from serving.server.requests import CheckedInputs
from serving.server.run_times import RunTimes

Outputs = dict[str, NDArray[np.generic]]

_QUICK: Final = 0.004  # seconds that anything else may be kept waiting, health checks among it
_ALONE: Final = 0.2  # seconds without company
_TURNS: Final = 5  # of the event loop, that it takes until a request that came while it was busy is read


class Execution(Protocol):
    async def run(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> Outputs:
        """Raises tf.errors.OpError where the model cannot answer."""
        ...


class DirectExecution:
    """Each request runs alone, in a thread. TensorFlow lets go of Python's lock meanwhile.

    Where requests have come one by one for a while, those that were quick of late run in the event loop: waking a
    thread, and being woken by it, takes as long as a small network. For the event loop alone.
    """

    def __init__(self, threads: ThreadPoolExecutor, times: RunTimes) -> None:
        self._threads = threads
        self._times = times
        self._inside = 0
        self._last_together = -math.inf

    async def run(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> Outputs:
        self._inside += 1
        try:
            await asyncio.sleep(0)  # those that came together are counted first
            self._notice_company()
            if self._is_alone() and self._times.expected(version, signature, inputs.size) <= _QUICK:
                answer, seconds = _run(version.model, signature, inputs.arrays)
            else:
                answer, seconds = await self._run_in_thread(version, signature, inputs.arrays)
        finally:
            self._leave(_TURNS)
        self._times.add(version, signature, inputs.size, seconds)
        return answer

    def _leave(self, turns: int) -> None:
        """Turns later, so that those who came while this request kept the event loop busy find it still inside."""
        if turns:
            asyncio.get_running_loop().call_soon(self._leave, turns - 1)
        else:
            self._inside -= 1

    def _notice_company(self) -> None:
        if self._inside > 1:
            self._last_together = time.monotonic()

    def _is_alone(self) -> bool:
        return time.monotonic() - self._last_together > _ALONE

    async def _run_in_thread(self, version: LoadedVersion, signature: str, arrays: Arrays) -> tuple[Outputs, float]:
        # A caller that goes away does not stop the thread, which therefore has a hold on the version of its own.
        version.retain()
        work = self._threads.submit(_run, version.model, signature, arrays)
        work.add_done_callback(lambda _: version.release())
        return await asyncio.wrap_future(work)


def _run(model: SessionModel, signature: str, arrays: Arrays) -> tuple[Outputs, float]:
    """The answer, and the seconds that it took."""
    start = time.perf_counter()
    answer = model.run(signature, arrays)
    return answer, time.perf_counter() - start


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
