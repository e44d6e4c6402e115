"""Crowds, clients that do not read, and a disk without room: no wrong answer, and the server lives on."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
import requests
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from schema import contract
from serving.reference import reference_images
from tests.serving.conftest import Exported
from tests.serving.requests_of import DEADLINE_SECONDS, arrays, image_request, spec
from tests.serving.server_process import LIMIT_SECONDS, ROOT, ServerProcess, wait_for

pytestmark = pytest.mark.slow

IMAGE = reference_images()[0]
CLIENTS, REQUESTS_OF_EACH = 200, 3
SLOW_READERS, QUESTIONS_OF_EACH = 20, 400
MEBIBYTES_OF_SLOW_READERS = 200


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, exported: Exported) -> Path:
    base = tmp_path_factory.mktemp("models") / "small"
    base.mkdir()
    (base / "1").symlink_to(exported.directory)
    return base


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--model", str(base)) as server:
        server.wait_for_output("Serving small: 1")
        yield server


def probabilities(address: str) -> np.ndarray:
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        response = PredictionServiceStub(channel).Predict(
            image_request(spec("small"), [IMAGE]), timeout=DEADLINE_SECONDS
        )
    return arrays(response)[contract.PROBABILITIES][0]


def test_two_hundred_clients_get_right_answers_or_are_told_to_come_again(server: ServerProcess) -> None:
    right = probabilities(server.grpc_address)
    codes: Counter[grpc.StatusCode] = Counter()
    wrong, together = [], threading.Barrier(CLIENTS)

    def ask() -> None:
        together.wait(LIMIT_SECONDS)
        for _ in range(REQUESTS_OF_EACH):
            try:
                found = probabilities(server.grpc_address)
            except grpc.RpcError as error:
                codes[error.code()] += 1
            else:
                codes[grpc.StatusCode.OK] += 1
                if not np.allclose(found, right, rtol=0.0, atol=1e-5):
                    wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    assert codes.total() == CLIENTS * REQUESTS_OF_EACH
    assert codes.keys() <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}, codes
    assert codes[grpc.StatusCode.OK] >= 128  # as many as may wait at once


def test_clients_that_do_not_read_hold_nobody_up_and_fill_no_memory(server: ServerProcess) -> None:
    host, port = server.rest_url.removeprefix("http://").rsplit(":", 1)
    question = b"GET /v1/models/small/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
    right, process = probabilities(server.grpc_address), psutil.Process(server.pid)
    before = process.memory_info().rss

    with ExitStack() as stack:
        for _ in range(SLOW_READERS):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.setblocking(False)
            # Thousands of answers that nobody takes, as far as the server lets itself be asked.
            with suppress(BlockingIOError):
                for _ in range(QUESTIONS_OF_EACH):
                    connection.sendall(question)
        np.testing.assert_allclose(probabilities(server.grpc_address), right, atol=1e-5)
        status = requests.get(f"{server.rest_url}/v1/models/small", timeout=DEADLINE_SECONDS)
        assert status.status_code == 200
        assert process.memory_info().rss - before < MEBIBYTES_OF_SLOW_READERS * 2**20

    np.testing.assert_allclose(probabilities(server.grpc_address), right, atol=1e-5)


@contextmanager
def serving_onto_a_full_disk(base: Path, grpc_port: int, rest_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server each of whose lines is refused for want of room."""
    program = "from pipeline.cli.main import main; main()"
    ports = ["--grpc-port", str(grpc_port), "--rest-port", str(rest_port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--model", str(base), "--poll-seconds", "0.1", *ports],
            stdout=full,
            stderr=full,
            env=environment,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def test_a_full_disk_below_the_log_does_not_end_the_serving(tmp_path: Path, exported: Exported) -> None:
    base = tmp_path / "small"
    base.mkdir()
    (base / "1").symlink_to(exported.directory)
    grpc_port, rest_port = free_ports()

    def versions() -> list[str]:
        with suppress(requests.ConnectionError):
            answer = requests.get(f"http://127.0.0.1:{rest_port}/v1/models/small", timeout=DEADLINE_SECONDS).json()
            states = answer.get("model_version_status", [])
            return [each["version"] for each in states if each["state"] == "AVAILABLE"]
        return []

    with serving_onto_a_full_disk(base, grpc_port, rest_port) as process:
        wait_for(lambda: versions() == ["1"], "the first version")
        right = probabilities(f"127.0.0.1:{grpc_port}")
        (base / "2").mkdir()  # of which the log would tell that it cannot be loaded
        (base / "3").symlink_to(exported.directory)
        wait_for(lambda: versions() == ["3"], "a version after the first line was lost")
        np.testing.assert_allclose(probabilities(f"127.0.0.1:{grpc_port}"), right, atol=1e-5)

        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_SECONDS) == 0
