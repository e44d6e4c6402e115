"""The embedded server under load, against the same model asked in process, in one run.

    python -m benchmarks.serving_load --model runs/synthetic/serving/breast_imaging --json load.json

Closed loop: each client is a process of its own, and sends its next request when it has the answer. Open loop:
requests leave at random at a given mean rate, whether earlier ones have been answered or not, and waiting counts.
An empty call, to the health service of the same server, shows what gRPC itself takes on this machine.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks.served import request_of, serving

_METHOD = "/tensorflow.serving.PredictionService/Predict"
_EMPTY_METHOD = "/grpc.health.v1.Health/Check"
_DEADLINE_SECONDS = 60.0
_WARM_UP = 20  # requests


@dataclass(frozen=True)
class Row:
    """Attributes: rate: answers a second; p50, p95, p99: milliseconds; failures: requests without an answer."""

    how: str
    clients: int
    rate: float
    p50: float
    p95: float
    p99: float
    failures: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of version folders")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--open-loads", type=float, nargs="*", default=[0.3, 0.6], help="of the rate in process")
    parser.add_argument("--option", action="append", default=[], help="of the server, such as --option=--threads=4")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = [_in_process(arguments.model, 1, arguments.seconds)]
    rows.append(_in_process(arguments.model, os.cpu_count() or 1, arguments.seconds))
    request = request_of(arguments.model.name, _images())
    with serving(arguments.model, [part for option in arguments.option for part in option.split("=")]) as served:
        rows.append(_closed("empty call", served.address, _EMPTY_METHOD, b"", 1, arguments.seconds))
        rows += [
            _closed("closed", served.address, _METHOD, request, clients, arguments.seconds)
            for clients in arguments.clients
        ]
        for share in arguments.open_loads:
            rows.append(_open(served.address, request, share * rows[0].rate, arguments.seconds))
    _print(rows)
    if arguments.json:
        machine = {"machine": platform.platform(), "cores": os.cpu_count()}
        content = {**machine, **vars(arguments), "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(content, indent=2, default=str))


def _images() -> tuple[bytes, ...]:
    from serving.reference import reference_images

    return reference_images()[:1]


def _in_process(model: Path, threads: int, seconds: float) -> Row:
    """One session as the server makes it, asked by threads."""
    import numpy as np

    from schema import contract
    from serving.server.loader import make_loader
    from serving.server.settings import Limits, Threads
    from serving.server.version_folders import find_versions

    versions = find_versions(model)
    load = make_loader(Threads(), Limits())
    with load(versions[max(versions)]) as loaded:
        inputs = {contract.IMAGE_BYTES_INPUT: np.array(_images(), object)}
        asked = _in_threads(lambda: loaded.run(contract.SERVING_IMAGE, inputs), threads, seconds)
    return _row("in process", threads, asked, seconds, 0)


def _in_threads(ask: Callable[[], Any], threads: int, seconds: float) -> list[float]:
    found: list[float] = []
    workers = [threading.Thread(target=lambda: found.extend(_repeat(ask, seconds))) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def _repeat(ask: Callable[[], Any], seconds: float) -> list[float]:
    for _ in range(_WARM_UP):
        ask()
    found, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        ask()
        found.append(time.perf_counter() - start)
    return found


def _closed(how: str, address: str, method: str, request: bytes, clients: int, seconds: float) -> Row:
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(clients), context.SimpleQueue()
    arguments = (address, method, request, seconds, ready, answers)
    processes = [context.Process(target=_client, args=arguments) for _ in range(clients)]
    for process in processes:
        process.start()
    results = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    found = [each for latencies, _ in results for each in latencies]
    return _row(how, clients, found, seconds, sum(failures for _, failures in results))


def _client(address: str, method: str, request: bytes, seconds: float, ready: Any, answers: Any) -> None:
    """One client. Bytes in and out, so that what is measured is the server."""
    failures = 0

    def ask() -> None:
        nonlocal failures
        try:
            call(request, timeout=_DEADLINE_SECONDS)
        except grpc.RpcError:
            failures += 1

    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method)
        call(request, timeout=_DEADLINE_SECONDS)
        ready.wait()
        answers.put((_repeat(ask, seconds), failures))


def _open(address: str, request: bytes, rate: float, seconds: float) -> Row:
    found: list[float] = []
    failed: list[int] = []
    generator = random.Random(0)  # noqa: S311  arrivals, no secret

    def record(due: float, call: grpc.Future) -> None:
        found.append(time.perf_counter() - due)
        if call.code() != grpc.StatusCode.OK:
            failed.append(1)

    with grpc.insecure_channel(address) as channel:
        predict = channel.unary_unary(_METHOD)
        predict(request, timeout=_DEADLINE_SECONDS)
        due = time.perf_counter()
        end, calls = due + seconds, []
        while due < end:
            time.sleep(max(0.0, due - time.perf_counter()))
            call = predict.future(request, timeout=_DEADLINE_SECONDS)
            call.add_done_callback(lambda done, due=due: record(due, done))
            calls.append(call)
            due += generator.expovariate(rate)
        for call in calls:
            call.exception()
    return _row(f"open, {rate:.0f}/s", 1, found, seconds, len(failed))


def _row(how: str, clients: int, seconds_each: Sequence[float], seconds: float, failures: int) -> Row:
    import numpy as np

    p50, p95, p99 = np.percentile(seconds_each, [50, 95, 99]) * 1000
    return Row(how, clients, len(seconds_each) / seconds, float(p50), float(p95), float(p99), failures)


def _print(rows: Sequence[Row]) -> None:
    print(
        f"{'':<14} {'clients':>7} {'answers/s':>10} {'of one':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} failures"
    )
    for row in rows:
        share = row.rate / rows[0].rate
        print(
            f"{row.how:<14}{row.clients:>10}{row.rate:>10.0f}{share:>10.0%}"
            f"{row.p50:>10.2f}{row.p95:>10.2f}{row.p99:>10.2f}{row.failures:>10}"
        )


if __name__ == "__main__":
    main()
