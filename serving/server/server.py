"""The embedded server from its start to its end."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from schema.errors import EXIT_FAILED
from serving.server.batching import BatchingExecution
from serving.server.execution import DirectExecution, Execution
from serving.server.grpc_endpoint import GrpcEndpoint
from serving.server.inference import Inference
from serving.server.loader import make_loader
from serving.server.manager import ModelManager
from serving.server.metrics import Metrics
from serving.server.rest_endpoint import RestEndpoint
from serving.server.run_times import RunTimes
from serving.server.settings import ServerSettings
from serving.server.tls import check_tls


@dataclass(frozen=True)
class Addresses:
    """Where the server listens. Attributes: grpc_port, rest_port: never 0."""

    host: str
    grpc_port: int
    rest_port: int


@dataclass(frozen=True)
class Listener:
    """Who is told what happens.

    Attributes:
        listening: the ports are open.
        changed: other versions are available than before, by model.
        stopping: the server was told to stop.
    """

    listening: Callable[[Addresses], None]
    changed: Callable[[dict[str, list[int]]], None]
    stopping: Callable[[], None]


async def serve(settings: ServerSettings, listener: Listener) -> None:
    """Serves until SIGTERM or SIGINT, and then until the requests in flight have ended; a second signal ends at once.

    Raises ConfigurationError where it cannot start.
    """
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    if settings.listening.tls:
        check_tls(settings.listening.tls)
    load = make_loader(settings.threads, settings.limits)
    models = ModelManager(settings, load, lambda: _tell(loop, changed))
    metrics = Metrics(lambda: [(name, number) for name, numbers in _available(models).items() for number in numbers])
    with ThreadPoolExecutor(settings.threads.requests, "request") as threads, _stop_signal() as stop:
        inference = Inference(models, _make_execution(settings, threads), settings.limits, metrics)
        grpc_endpoint = GrpcEndpoint(settings.listening, settings.limits, inference, models)
        rest_endpoint = RestEndpoint(settings.listening, settings.limits, inference, models, metrics)
        try:
            grpc_port = await grpc_endpoint.start()
            rest_port = await rest_endpoint.start(settings.grace_seconds)
            listener.listening(Addresses(settings.listening.host, grpc_port, rest_port))
            models.start()
            reporting = asyncio.create_task(_report(changed, models, grpc_endpoint, listener))
            await stop.wait()
            reporting.cancel()
            listener.stopping()
        finally:
            await asyncio.gather(grpc_endpoint.stop(settings.grace_seconds), rest_endpoint.stop())
            await asyncio.to_thread(models.stop)


def _make_execution(settings: ServerSettings, threads: ThreadPoolExecutor) -> Execution:
    direct = DirectExecution(threads, RunTimes())
    if settings.batching is None:
        return direct
    return BatchingExecution(direct, settings.batching, settings.limits.pixels, settings.threads.requests)


def _tell(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    """From another thread, which may outlive the loop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(changed.set)


async def _report(changed: asyncio.Event, models: ModelManager, endpoint: GrpcEndpoint, listener: Listener) -> None:
    """Keeps health and the listener up to date."""
    reported: dict[str, list[int]] = {}
    while True:
        await changed.wait()
        changed.clear()
        await endpoint.set_serving(ready=models.is_ready)
        available = _available(models)
        if available != reported:
            listener.changed(available)
            reported = available


def _available(models: ModelManager) -> dict[str, list[int]]:
    return {name: model.available() for name, model in models.models().items()}


@contextmanager
def _stop_signal() -> Iterator[asyncio.Event]:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def receive() -> None:
        if stop.is_set():
            os._exit(EXIT_FAILED)  # whatever is still running is not waited for
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, receive)
    try:
        yield stop
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
