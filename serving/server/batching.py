"""Joins requests of one signature, so that the model runs once for all of them.

A batch runs when it is full, or when its time is up and a thread is free. With no time to wait, requests are joined
only while they would have to queue, which costs none of them anything.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from serving.saved_model import Arrays
from serving.server.execution import Execution, Outputs
from serving.server.loaded_version import LoadedVersion
from serving.server.settings import Batching

_Key = tuple[LoadedVersion, str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class _Member:
    inputs: Arrays
    rows: int
    answer: asyncio.Future[Outputs]


@dataclass
class _Batch:
    """Requests that wait for one another. Attributes: rows: of all members together."""

    version: LoadedVersion
    signature: str
    members: list[_Member] = field(default_factory=list)
    rows: int = 0

    def add(self, member: _Member) -> None:
        self.members.append(member)
        self.rows += member.rows


class BatchingExecution:
    """For the event loop alone."""

    def __init__(self, execution: Execution, batching: Batching, threads: int) -> None:
        """Args: execution: which runs the batches, as many at once as there are threads."""
        self._execution = execution
        self._threads = threads
        self._overdue: deque[tuple[_Key, _Batch]] = deque()
        self._batching = batching
        self._waiting: dict[_Key, _Batch] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, version: LoadedVersion, signature: str, inputs: Arrays) -> Outputs:
        """Raises tf.errors.OpError where the model cannot answer this request, whatever the others of its batch."""
        rows = _rows(inputs)
        if not 0 < rows < self._batching.size:
            return await self._execution.run(version, signature, inputs)
        key = (version, signature, tuple(inputs[name].shape[1:] for name in sorted(inputs)))
        if key in self._waiting and self._waiting[key].rows + rows > self._batching.size:
            self._start(key, self._waiting[key])
        batch = self._waiting.get(key) or self._open(key)
        member = _Member(inputs, rows, asyncio.get_running_loop().create_future())
        batch.add(member)
        if batch.rows == self._batching.size:
            self._start(key, batch)
        return await member.answer

    def _open(self, key: _Key) -> _Batch:
        version, signature, _ = key
        batch = self._waiting[key] = _Batch(version, signature)
        version.retain()
        asyncio.get_running_loop().call_later(self._batching.wait_seconds, self._time_is_up, key, batch)
        return batch

    def _time_is_up(self, key: _Key, batch: _Batch) -> None:
        if len(self._running) < self._threads:
            self._start(key, batch)
        else:
            self._overdue.append((key, batch))

    def _start(self, key: _Key, batch: _Batch) -> None:
        if self._waiting.get(key) is not batch:  # it was full before
            return
        del self._waiting[key]
        task = asyncio.get_running_loop().create_task(self._run_batch(batch))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        while self._overdue and len(self._running) < self._threads:
            self._start(*self._overdue.popleft())

    async def _run_batch(self, batch: _Batch) -> None:
        members = [member for member in batch.members if not member.answer.cancelled()]
        try:
            if not await self._run_joined(batch, members):
                await asyncio.gather(*(self._run_alone(batch, member) for member in members))
        finally:
            batch.version.release()

    async def _run_joined(self, batch: _Batch, members: Sequence[_Member]) -> bool:
        """Whether that answered the members. One bad image fails all, and some outputs cannot be divided."""
        if len(members) < 2:
            return False
        joined = {name: np.concatenate([member.inputs[name] for member in members]) for name in members[0].inputs}
        try:
            outputs = await self._execution.run(batch.version, batch.signature, joined)
        except tf.errors.OpError:
            return False
        if any(array.shape[:1] != (_rows(joined),) for array in outputs.values()):
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


def _rows(inputs: Arrays) -> int:
    """The size of the first dimension, where all inputs have the same; else 0."""
    sizes = {array.shape[:1] for array in inputs.values()}
    return sizes.pop()[0] if len(sizes) == 1 and () not in sizes else 0
