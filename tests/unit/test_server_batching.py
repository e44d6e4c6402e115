"""Joining requests, with a model that doubles numbers and refuses negative ones."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from serving.server.batching import BatchingExecution
from serving.server.errors import RequestError
from serving.server.loaded_version import LoadedVersion
from serving.server.settings import Batching

Answer = list[list[float]]


class Doubling:
    """Attributes: batches: the sizes of all that ran; gate: cleared, they wait."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def run(self, signature: str, inputs: Any) -> dict[str, np.ndarray]:
        self.batches.append(len(inputs["x"]))
        assert self.gate.wait(60)
        if (inputs["x"] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "negative")
        return {"y": inputs["x"] * 2}


class Server:
    """An execution, and callers in threads of their own. Attributes: slots: those for batches that run."""

    def __init__(self, model: Doubling, size: int, wait_seconds: float) -> None:
        self.version = LoadedVersion(1, model, lambda: None)
        self.slots = threading.BoundedSemaphore(1)
        self.execution = BatchingExecution(self.slots, Batching(size, wait_seconds))
        self.callers = ThreadPoolExecutor(32)

    def ask(self, *rows: float, width: int = 1, is_wanted: Callable[[], bool] = lambda: True) -> Answer:
        x = np.repeat(np.array(rows, np.float32)[:, None], width, axis=1)
        answer = self.execution.run(self.version, "serving_default", {"x": x}, is_wanted)
        return answer["y"].tolist()

    def call(self, *rows: float, **options: Any) -> Future[Answer]:
        """Returns once the request is in a batch, so that those of a test join in its order."""
        before = self.waiting()
        future = self.callers.submit(self.ask, *rows, **options)
        until(lambda: self.waiting() != before or future.done())
        return future

    def waiting(self) -> list[tuple[int, int]]:
        """Each batch that is open, and how many are in it."""
        return [(id(batch), len(batch.members)) for batch in list(self.execution._open.values())]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def model() -> Doubling:
    return Doubling()


@pytest.fixture
def server(model: Doubling) -> Iterator[Server]:
    """Joins up to eight rows that come while the only slot is taken."""
    made = Server(model, 8, 0.0)
    yield made
    made.callers.shutdown()


def test_a_request_alone_does_not_wait_for_others(server: Server, model: Doubling) -> None:
    assert server.ask(1, 2) == [[2], [4]]
    assert model.batches == [2]


def test_requests_are_joined_up_to_the_size_and_each_gets_its_own_rows(server: Server, model: Doubling) -> None:
    asked = ([1], [2, 3, 4], [5, 6, 7, 8], [9, 10], list(range(11, 20)))
    with server.slots:
        answers = [server.call(*rows) for rows in asked[:-1]]
    answers.append(server.call(*asked[-1]))

    assert [each.result(60) for each in answers] == [[[2.0 * row] for row in rows] for rows in asked]
    assert sorted(model.batches) == [2, 8, 9]  # nine are more than a batch, and go alone


def test_what_does_not_fit_opens_the_next_batch(server: Server, model: Doubling) -> None:
    with server.slots:
        answers = [server.call(*range(first, first + 5)) for first in (0, 5)]

    assert [len(each.result(60)) for each in answers] == [5, 5]
    assert model.batches == [5, 5]


def test_a_batch_waits_for_its_time_even_where_a_slot_is_free(model: Doubling) -> None:
    server = Server(model, 2, 60.0)
    first = server.call(1)
    assert not first.done()
    second = server.call(2)

    assert [first.result(60), second.result(60)] == [[[2]], [[4]]]
    assert model.batches == [2]
    server.callers.shutdown()


def test_a_bad_request_fails_alone(server: Server, model: Doubling) -> None:
    with server.slots:
        good, bad = server.call(1), server.call(-1)

    assert good.result(60) == [[2]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="negative"):
        bad.result(60)
    assert sorted(model.batches) == [1, 1, 2]


def test_versions_and_shapes_are_not_mixed(server: Server, model: Doubling) -> None:
    with server.slots:
        answers = [server.call(1), server.call(2), server.call(3, width=2)]
        server.version = LoadedVersion(2, model, lambda: None)
        answers.append(server.call(4))

    assert [each.result(60) for each in answers] == [[[2]], [[4]], [[6, 6]], [[8]]]
    assert sorted(model.batches) == [1, 1, 2]


def test_requests_gather_while_another_runs(server: Server, model: Doubling) -> None:
    model.gate.clear()
    first = server.callers.submit(server.ask, 0)
    until(lambda: model.batches == [1])
    others = [server.call(number) for number in range(1, 6)]
    model.gate.set()

    assert [each.result(60) for each in (first, *others)] == [[[2.0 * number]] for number in range(6)]
    assert model.batches == [1, 5]


def test_what_nobody_waits_for_is_left_out(server: Server, model: Doubling) -> None:
    with server.slots:
        gone = server.call(1, is_wanted=lambda: False)
        stays = [server.call(2), server.call(3)]

    assert [each.result(60) for each in stays] == [[[4]], [[6]]]
    with pytest.raises(RequestError) as caught:
        gone.result(60)
    assert caught.value.code == StatusCode.CANCELLED
    assert model.batches == [2]


def test_outputs_that_cannot_be_divided_are_computed_for_each(server: Server, model: Doubling) -> None:
    model.run = lambda signature, inputs: {"y": inputs["x"].sum(keepdims=True)}  # type: ignore[method-assign]
    with server.slots:
        answers = [server.call(1, 2), server.call(3, 4)]

    assert [each.result(60) for each in answers] == [[[3]], [[7]]]
