"""Joins requests of one signature, so that the model runs once for all of them.

The first request of a batch runs it, when the batch is full, or when its time is up and a slot is free. With no time
to wait, requests are joined only while they would have to queue, which costs none of them anything.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from serving.saved_model import Arrays
from serving.server.execution import DirectExecution, IsWanted, Outputs, check_wanted
from serving.server.loaded_version import LoadedVersion
from serving.server.settings import Batching

_Key = tuple[LoadedVersion, str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class _Member:
    """One request. Attributes: answer: None where it has to run alone."""

    inputs: Arrays
    rows: int
    is_wanted: IsWanted
    answer: Future[Outputs | None] = field(default_factory=Future)


@dataclass
class _Batch:
    """Requests that wait for one another. Attributes: rows: of all members; closed: nobody joins any more."""

    members: list[_Member] = field(default_factory=list)
    rows: int = 0
    closed: threading.Event = field(default_factory=threading.Event)


class BatchingExecution:
    """Each caller waits in its own thread, and has leased the version until it has its answer."""

    def __init__(self, slots: threading.BoundedSemaphore, batching: Batching) -> None:
        """Args: slots: as many as batches run at once."""
        self._slots = slots
        self._alone = DirectExecution(slots)
        self._batching = batching
        self._lock = threading.Lock()
        self._open: dict[_Key, _Batch] = {}

    def run(self, version: LoadedVersion, signature: str, inputs: Arrays, is_wanted: IsWanted) -> Outputs:
        """Raises what `DirectExecution` raises for this request, whatever the others of its batch."""
        rows = _rows(inputs)
        if not 0 < rows < self._batching.size:
            return self._alone.run(version, signature, inputs, is_wanted)
        key = (version, signature, tuple(inputs[name].shape[1:] for name in sorted(inputs)))
        member = _Member(inputs, rows, is_wanted)
        batch = self._join(key, member)
        if batch.members[0] is member:
            return self._lead(key, batch)
        answer = member.answer.result()
        return self._alone.run(version, signature, inputs, is_wanted) if answer is None else answer

    def _join(self, key: _Key, member: _Member) -> _Batch:
        with self._lock:
            batch = self._open.get(key)
            if batch and batch.rows + member.rows > self._batching.size:
                self._close(key, batch)
                batch = None
            batch = batch or self._open.setdefault(key, _Batch())
            batch.members.append(member)
            batch.rows += member.rows
            if batch.rows == self._batching.size:
                self._close(key, batch)
            return batch

    def _close(self, key: _Key, batch: _Batch) -> None:
        """Under the lock. A batch that is closed already may have a successor, which stays."""
        if self._open.get(key) is batch:
            del self._open[key]
        batch.closed.set()

    def _lead(self, key: _Key, batch: _Batch) -> Outputs:
        """Answers the others, and returns the answer of the first, in one slot."""
        batch.closed.wait(self._batching.wait_seconds)
        with self._slots:
            with self._lock:
                self._close(key, batch)
            try:
                _run_joined(key, [member for member in batch.members if member.is_wanted()])
            finally:
                # Whatever happened, everybody gets to know: what fails together may succeed alone.
                for member in batch.members:
                    if not member.answer.done():
                        member.answer.set_result(None)
            return batch.members[0].answer.result() or _run_alone(key, batch.members[0])


def _run_alone(key: _Key, member: _Member) -> Outputs:
    version, signature, _ = key
    check_wanted(member.is_wanted)
    return version.model.run(signature, member.inputs)


def _run_joined(key: _Key, members: Sequence[_Member]) -> None:
    """Answers the members; none of them where one bad image fails all, or some outputs cannot be divided."""
    if len(members) < 2:
        return
    version, signature, _ = key
    joined = {name: np.concatenate([member.inputs[name] for member in members]) for name in members[0].inputs}
    try:
        outputs = version.model.run(signature, joined)
    except tf.errors.OpError:
        return
    if any(array.shape[:1] != (_rows(joined),) for array in outputs.values()):
        return
    start = 0
    for member in members:
        rows = slice(start, start + member.rows)
        start += member.rows
        member.answer.set_result({name: array[rows] for name, array in outputs.items()})


def _rows(inputs: Arrays) -> int:
    """The size of the first dimension, where all inputs have the same; else 0."""
    sizes = {array.shape[:1] for array in inputs.values()}
    return sizes.pop()[0] if len(sizes) == 1 and () not in sizes else 0
