"""Joining requests, with a model that doubles numbers and refuses negative ones."""

import asyncio
import math

import numpy as np
import pytest
import tensorflow as tf

from serving.server.batching import BatchingExecution
from serving.server.loaded_version import LoadedVersion
from serving.server.requests import CheckedInputs
from serving.server.settings import Batching

PIXELS = 1000


class Doubling:
    """Attributes: batches: the sizes of all that ran; gate: cleared, they wait."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> dict[str, np.ndarray]:
        x = inputs.arrays["x"]
        assert inputs.size == x.size
        self.batches.append(len(x))
        await self.gate.wait()
        if (x < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "negative")
        if np.isnan(x).any():
            raise RuntimeError("nobody has foreseen this")
        return {"y": x * 2}


def version() -> LoadedVersion:
    return LoadedVersion(1, None, lambda: None)


async def idle(of: LoadedVersion) -> None:
    async with asyncio.timeout(60):
        while not of.is_idle:
            await asyncio.sleep(0)


async def ask(execution: BatchingExecution, of: LoadedVersion, *rows: float, width: int = 1) -> list[list[float]]:
    x = np.repeat(np.array(rows, np.float32)[:, None], width, axis=1)
    return (await execution.run(of, "serving_default", CheckedInputs({"x": x}, x.size)))["y"].tolist()


def test_requests_are_joined_up_to_the_size_and_each_gets_its_own_rows() -> None:
    async def run() -> None:
        model, of = Doubling(), version()
        execution = BatchingExecution(model, Batching(4, 0.01), pixels=PIXELS, threads=1)
        answers = await asyncio.gather(
            *(ask(execution, of, *rows) for rows in ([1], [2, 3], [4], [5, 6], [7, 8, 9, 10]))
        )
        assert answers == [[[2]], [[4], [6]], [[8]], [[10], [12]], [[14], [16], [18], [20]]]
        assert sorted(model.batches) == [2, 4, 4]
        await idle(of)

    asyncio.run(run())


def test_a_bad_request_fails_alone() -> None:
    async def run() -> None:
        model, of = Doubling(), version()
        execution = BatchingExecution(model, Batching(8, 0.01), pixels=PIXELS, threads=1)
        good, bad = await asyncio.gather(ask(execution, of, 1), ask(execution, of, -1), return_exceptions=True)
        assert good == [[2]]
        assert isinstance(bad, tf.errors.InvalidArgumentError)
        assert model.batches == [2, 1, 1]
        await idle(of)

    asyncio.run(run())


def test_a_failure_that_nobody_has_foreseen_leaves_no_request_without_an_answer() -> None:
    async def run() -> None:
        execution, of = BatchingExecution(Doubling(), Batching(8, 0.01), pixels=PIXELS, threads=1), version()
        good, bad = await asyncio.gather(ask(execution, of, 1), ask(execution, of, math.nan), return_exceptions=True)
        assert good == [[2]]
        assert isinstance(bad, RuntimeError)
        await idle(of)

    asyncio.run(run())


def test_versions_and_shapes_are_not_mixed() -> None:
    async def run() -> None:
        model, first, second = Doubling(), version(), version()
        execution = BatchingExecution(model, Batching(8, 0.01), pixels=PIXELS, threads=1)
        await asyncio.gather(
            ask(execution, first, 1),
            ask(execution, first, 1),
            ask(execution, second, 1),
            ask(execution, first, 1, width=2),
        )
        assert sorted(model.batches) == [1, 1, 2]

    asyncio.run(run())


def test_a_batch_has_no_more_pixels_than_a_request_may_have() -> None:
    async def run() -> None:
        model, of = Doubling(), version()
        execution = BatchingExecution(model, Batching(8, 0.01), pixels=10, threads=1)
        answers = await asyncio.gather(*(ask(execution, of, number, width=3) for number in range(5)))
        assert answers == [[[2 * number] * 3] for number in range(5)]
        assert sorted(model.batches) == [2, 3]
        model.batches.clear()
        assert await ask(execution, of, 1, 2, width=6) == [[2] * 6, [4] * 6]  # alone, the limits of a request hold
        await idle(of)

    asyncio.run(run())


def test_with_no_time_to_wait_requests_run_at_once_while_there_are_threads() -> None:
    async def run() -> None:
        model, of = Doubling(), version()
        execution = BatchingExecution(model, Batching(8, 0.0), pixels=PIXELS, threads=2)
        model.gate.clear()
        asked = [asyncio.create_task(ask(execution, of, number)) for number in range(5)]
        while model.batches != [1, 1]:
            await asyncio.sleep(0)
        model.gate.set()
        assert await asyncio.gather(*asked) == [[[2 * number]] for number in range(5)]
        assert model.batches == [1, 1, 3]
        await idle(of)

    asyncio.run(run())


def test_requests_gather_while_all_threads_are_busy() -> None:
    async def run() -> None:
        model, of = Doubling(), version()
        execution = BatchingExecution(model, Batching(8, 0.0), pixels=PIXELS, threads=1)
        model.gate.clear()
        first = asyncio.create_task(ask(execution, of, 0))
        while model.batches != [1]:
            await asyncio.sleep(0)
        others = []
        for number in range(1, 6):
            others.append(asyncio.create_task(ask(execution, of, number)))
            await asyncio.sleep(0)
        model.gate.set()
        assert await asyncio.gather(first, *others) == [[[2.0 * number]] for number in range(6)]
        assert model.batches == [1, 5]

    asyncio.run(run())


def test_a_caller_that_goes_away_leaves_the_others() -> None:
    async def run() -> None:
        execution, of = BatchingExecution(Doubling(), Batching(8, 0.01), pixels=PIXELS, threads=1), version()
        stays, goes = asyncio.create_task(ask(execution, of, 1)), asyncio.create_task(ask(execution, of, 2))
        await asyncio.sleep(0)
        goes.cancel()
        assert await stays == [[2]]
        with pytest.raises(asyncio.CancelledError):
            await goes
        await idle(of)

    asyncio.run(run())
