"""Where requests run: in the event loop only alone, and only where that is quick."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from serving.server.execution import DirectExecution
from serving.server.loaded_version import LoadedVersion
from serving.server.requests import CheckedInputs

LIMIT_SECONDS = 60


class Times:
    """Expects of each signature what it is told. Attributes: added: what ran."""

    def __init__(self, **expected: float) -> None:
        self.added: list[tuple[str, int]] = []
        self._expected = expected

    def expected(self, version: LoadedVersion, signature: str, size: int) -> float:
        return self._expected[signature]

    def add(self, version: LoadedVersion, signature: str, size: int, seconds: float) -> None:
        assert 0 <= seconds < LIMIT_SECONDS
        self.added.append((signature, size))


class Model:
    """Doubles. Attributes: threads: in which it ran; busy: it was asked; gate: cleared, it waits."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.busy = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def run(self, signature: str, arrays: Any) -> dict[str, np.ndarray]:
        self.threads.append(threading.get_ident())
        self.busy.set()
        assert self.gate.wait(LIMIT_SECONDS)
        if signature == "broken":
            raise tf.errors.InvalidArgumentError(None, None, "broken")
        return {"y": arrays["x"] * 2}


@pytest.fixture
def times() -> Times:
    return Times(quick=0.001, slow=0.1, broken=0.001)


@pytest.fixture
def execution(times: Times) -> Iterator[DirectExecution]:
    with ThreadPoolExecutor(2) as threads:
        yield DirectExecution(threads, times)


async def ask(execution: DirectExecution, of: LoadedVersion, signature: str, number: int = 5) -> int:
    return int((await execution.run(of, signature, CheckedInputs({"x": np.array(number)}, size=number)))["y"])


def served(model: Model) -> LoadedVersion:
    return LoadedVersion(1, model, lambda: None)


def test_what_is_quick_runs_in_the_loop_and_what_is_not_in_a_thread(execution: DirectExecution, times: Times) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        assert [await ask(execution, of, "quick", 1), await ask(execution, of, "slow", 2)] == [2, 4]
        assert [thread == threading.get_ident() for thread in model.threads] == [True, False]
        assert times.added == [("quick", 1), ("slow", 2)]
        await idle(of)

    asyncio.run(run())


def test_quick_requests_that_come_together_run_in_threads(execution: DirectExecution) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        answers = await asyncio.gather(*(ask(execution, of, "quick", number) for number in range(5)))
        assert answers == [0, 2, 4, 6, 8]
        assert len(model.threads) == 5
        assert threading.get_ident() not in model.threads

    asyncio.run(run())


def test_after_company_a_quick_request_runs_in_a_thread_for_a_while(
    execution: DirectExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        await asyncio.gather(ask(execution, of, "quick"), ask(execution, of, "quick"))
        monkeypatch.setattr("serving.server.execution._ALONE", 3600.0)
        await ask(execution, of, "quick")
        monkeypatch.setattr("serving.server.execution._ALONE", 0.0)
        await ask(execution, of, "quick")
        assert [thread == threading.get_ident() for thread in model.threads] == [False, False, False, True]

    asyncio.run(run())


def test_a_request_that_came_while_another_kept_the_loop_busy_runs_in_a_thread(execution: DirectExecution) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        await ask(execution, of, "quick")
        await turns(3)  # in which the next one is read
        await ask(execution, of, "quick")
        assert [thread == threading.get_ident() for thread in model.threads] == [True, False]

    asyncio.run(run())


def test_requests_one_after_another_all_run_in_the_loop(execution: DirectExecution) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        for _ in range(3):
            await ask(execution, of, "quick")
            await turns(6)
        assert model.threads == [threading.get_ident()] * 3

    asyncio.run(run())


def test_a_quick_request_beside_a_slow_one_runs_in_a_thread(execution: DirectExecution) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        model.gate.clear()
        slow = asyncio.create_task(ask(execution, of, "slow"))
        assert await asyncio.to_thread(model.busy.wait, LIMIT_SECONDS)
        quick = asyncio.create_task(ask(execution, of, "quick"))
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(model.threads) < 2:
                await asyncio.sleep(0)
        model.gate.set()
        assert await asyncio.gather(slow, quick) == [10, 10]
        assert threading.get_ident() not in model.threads

    asyncio.run(run())


def test_a_failure_is_not_timed_and_leaves_the_next_request_alone(execution: DirectExecution, times: Times) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        with pytest.raises(tf.errors.InvalidArgumentError):
            await ask(execution, of, "broken")
        await turns(6)
        assert await ask(execution, of, "quick") == 10
        assert model.threads == [threading.get_ident()] * 2
        assert times.added == [("quick", 5)]
        assert of.is_idle

    asyncio.run(run())


def test_a_version_stays_until_the_thread_of_a_caller_that_went_away_has_ended(execution: DirectExecution) -> None:
    async def run() -> None:
        model = Model()
        of = served(model)
        model.gate.clear()
        gone = asyncio.create_task(ask(execution, of, "slow"))
        assert await asyncio.to_thread(model.busy.wait, LIMIT_SECONDS)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert not of.is_idle
        model.gate.set()
        await idle(of)

    asyncio.run(run())


async def turns(count: int) -> None:
    """Of the event loop."""
    for _ in range(count):
        await asyncio.sleep(0)


async def idle(of: LoadedVersion) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not of.is_idle:
            await asyncio.sleep(0)
