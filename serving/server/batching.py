"""Joins requests of one signature, so that the model runs once for all of them.

A batch runs when it is full, or when its time is up and a thread is free. With no time to wait, requests are joined
only while they would have to queue, which costs none of them anything. A batch has no more pixels than one request
may have, so that it takes no more memory.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from serving.saved_model import Arrays
from serving.server.execution import Execution, Outputs
from serving.server.loaded_version import LoadedVersion
from serving.server.requests import CheckedInputs
from serving.server.settings import Batching

_Key = tuple[LoadedVersion, str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class _Member:
    inputs: CheckedInputs
    rows: int
    answer: asyncio.Future[Outputs]


@dataclass
class _Batch:
    """Requests that wait for one another. Attributes: rows, size: of all members together."""

    version: LoadedVersion
    signature: str
    members: list[_Member] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def add(self, member: _Member) -> None:
        self.members.append(member)
        self.rows += member.rows
        self.size += member.inputs.size


class BatchingExecution:
    """For the event loop alone."""

    def __init__(self, execution: Execution, batching: Batching, pixels: int, threads: int) -> None:
        """Args: execution: which runs the batches, as many at once as there are threads; pixels: of a batch."""
        self._execution = execution
        self._pixels = pixels
        self._threads = threads
        self._overdue: deque[tuple[_Key, _Batch]] = deque()
        self._batching = batching
        self._waiting: dict[_Key, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0

    async def run(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> Outputs:
        """Raises tf.errors.OpError where the model cannot answer this request, whatever the others of its batch."""
        rows = _rows(inputs.arrays)
        if not 0 < rows < self._batching.size or (self._has_thread() and not self._batching.wait_seconds):
            return await self._run_at_once(version, signature, inputs)
        key = (version, signature, tuple(inputs.arrays[name].shape[1:] for name in sorted(inputs.arrays)))
        member = _Member(inputs, rows, asyncio.get_running_loop().create_future())
        if key in self._waiting and not self._has_room(self._waiting[key], member):
            self._start(key, self._waiting[key])
        batch = self._waiting.get(key) or self._open(key)
        batch.add(member)
        if batch.rows == self._batching.size:
            self._start(key, batch)
        return await member.answer

    async def _run_at_once(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> Outputs:
        self._running += 1
        try:
            return await self._execution.run(version, signature, inputs)
        finally:
            self._ended()

    def _has_thread(self) -> bool:
        return self._running < self._threads

    def _has_room(self, batch: _Batch, member: _Member) -> bool:
        return batch.rows + member.rows <= self._batching.size and batch.size + member.inputs.size <= self._pixels

    def _open(self, key: _Key) -> _Batch:
        version, signature, _ = key
        batch = self._waiting[key] = _Batch(version, signature)
        version.retain()
        asyncio.get_running_loop().call_later(self._batching.wait_seconds, self._time_is_up, key, batch)
        return batch

    def _time_is_up(self, key: _Key, batch: _Batch) -> None:
        if self._has_thread():
            self._start(key, batch)
        else:
            self._overdue.append((key, batch))

    def _start(self, key: _Key, batch: _Batch) -> None:
        if self._waiting.get(key) is not batch:  # it was full before
            return
        del self._waiting[key]
        self._running += 1
        task = asyncio.get_running_loop().create_task(self._run_batch(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self) -> None:
        self._running -= 1
        while self._overdue and self._has_thread():
            self._start(*self._overdue.popleft())

    async def _run_batch(self, batch: _Batch) -> None:
        members = [member for member in batch.members if not member.answer.cancelled()]
        try:
            if not await self._run_joined(batch, members):
                await asyncio.gather(*(self._run_alone(batch, member) for member in members))
        finally:
            batch.version.release()
            self._ended()

    async def _run_joined(self, batch: _Batch, members: Sequence[_Member]) -> bool:
        """Whether that answered the members. One bad image fails all, and some outputs cannot be divided."""
        if len(members) < 2:
            return False
        joined = _join([member.inputs for member in members])
        try:
            outputs = await self._execution.run(batch.version, batch.signature, joined)
        except Exception:  # noqa: BLE001  each is asked alone then, and told what is wrong with it
            return False
        if any(array.shape[:1] != (_rows(joined.arrays),) for array in outputs.values()):
            return False
        start = 0
        for member in members:
            rows = slice(start, start + member.rows)
            start += member.rows
            if not member.answer.done():
                member.answer.set_result({name: array[rows] for name, array in outputs.items()})
        return True

    async def _run_alone(self, batch: _Batch, member: _Member) -> None:
        try:
            answer = await self._execution.run(batch.version, batch.signature, member.inputs)
        except Exception as error:  # noqa: BLE001  it belongs to the request that waits
            if not member.answer.done():
                member.answer.set_exception(error)
        else:
            if not member.answer.done():
                member.answer.set_result(answer)


def _join(inputs: Sequence[CheckedInputs]) -> CheckedInputs:
    arrays = {name: np.concatenate([each.arrays[name] for each in inputs]) for name in inputs[0].arrays}
    return CheckedInputs(arrays, sum(each.size for each in inputs))


def _rows(inputs: Arrays) -> int:
    """The size of the first dimension, where all inputs have the same; else 0."""
    sizes = {array.shape[:1] for array in inputs.values()}
    return sizes.pop()[0] if len(sizes) == 1 and () not in sizes else 0
