"""Requests that ask the embedded server for too much, or come from clients that misbehave."""

import base64
import os
import socket
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import requests
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from schema import contract
from schema.images.formats import encode_png
from serving.reference import reference_images
from tests.images import noise
from tests.serving.conftest import Exported
from tests.serving.requests_of import (
    DEADLINE_SECONDS,
    example,
    failure,
    image_request,
    predict_request,
    spec,
    strings,
)
from tests.serving.server_process import ServerProcess, wait_for

pytestmark = pytest.mark.slow

IMAGE = reference_images()[0]
MESSAGE_BYTES, IMAGES, PIXELS, REQUESTS = 300_000, 8, 100_000, 4


@contextmanager
def serving(exported: Exported, folder: Path, options: Mapping[str, int]) -> Iterator[ServerProcess]:
    """The model as `small`, in version 1. Args: folder: empty."""
    base = folder / "small"
    base.mkdir()
    (base / "1").symlink_to(exported.directory)
    arguments = [str(each) for option in options.items() for each in option]
    with ServerProcess("--model", str(base), *arguments) as server:
        server.wait_for_output("Serving small: 1")
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, exported: Exported) -> Iterator[ServerProcess]:
    limits = {
        "--max-message-bytes": MESSAGE_BYTES,
        "--max-images": IMAGES,
        "--max-pixels": PIXELS,
        "--max-requests": REQUESTS,
        "--threads": 1,
    }
    with serving(exported, tmp_path_factory.mktemp("models"), limits) as server:
        yield server


@pytest.fixture
def stub(server: ServerProcess) -> Iterator[PredictionServiceStub]:
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield PredictionServiceStub(channel)


@pytest.fixture(autouse=True)
def still_serves(stub: PredictionServiceStub) -> Iterator[None]:
    """Whatever a test does, the next request is answered."""
    yield
    assert stub.Predict(image_request(spec("small"), [IMAGE]), timeout=DEADLINE_SECONDS).outputs


def png_header(width: int, height: int) -> bytes:
    """Of an image that has hardly any bytes, and claims many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("images", "text"),
    [
        ([IMAGE] * (IMAGES + 1), "The request has 9 images, more than the limit of 8."),
        ([png_header(40_000, 40_000)], "Image 0 has more pixels than any limit."),
        ([png_header(400, 251)], "have 100400 pixels together, more than the limit of 100000."),
        ([png_header(200, 300), png_header(200, 201)], "have 100200 pixels together"),
    ],
)
def test_too_much_of_an_image(stub: PredictionServiceStub, images: list[bytes], text: str) -> None:
    code, said = failure(stub.Predict, image_request(spec("small"), images))
    assert (code, text in said) == (grpc.StatusCode.INVALID_ARGUMENT, True), said

    examples = strings([example({contract.IMAGE_ENCODED: image}).SerializeToString() for image in images])
    in_examples = predict_request(spec("small"), {contract.EXAMPLES_INPUT: examples})
    code, said = failure(stub.Predict, in_examples)
    assert (code, text in said) == (grpc.StatusCode.INVALID_ARGUMENT, True), said


def test_a_message_that_is_too_large(server: ServerProcess, stub: PredictionServiceStub) -> None:
    large = os.urandom(MESSAGE_BYTES)
    assert failure(stub.Predict, image_request(spec("small"), [large]))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED

    url = f"{server.rest_url}/v1/models/small:predict"
    response = requests.post(url, json={"inputs": base64.b64encode(large).decode()}, timeout=DEADLINE_SECONDS)
    assert (response.status_code, list(response.json())) == (413, ["error"])


@pytest.fixture
def joining_server(tmp_path: Path, exported: Exported) -> Iterator[ServerProcess]:
    """Keeps its requests until they fill a batch, of one more than may wait."""
    options = {"--max-requests": REQUESTS, "--batch-size": REQUESTS + 1, "--batch-wait-ms": 3_600_000}
    with serving(exported, tmp_path, options) as server:
        yield server


def test_more_requests_than_may_wait_are_refused_and_the_others_answered(joining_server: ServerProcess) -> None:
    request = image_request(spec("small"), [IMAGE])
    with grpc.insecure_channel(joining_server.grpc_address) as channel:
        stub = PredictionServiceStub(channel)
        calls = [stub.Predict.future(request, timeout=DEADLINE_SECONDS) for _ in range(20)]
        wait_for(lambda: sum(call.done() for call in calls) >= len(calls) - REQUESTS, "all but those that may wait")

        refused = [call for call in calls if call.done()]
        waiting = [call for call in calls if not call.done()]
        assert [call.code() for call in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * (len(calls) - REQUESTS)
        assert f"{REQUESTS} requests are being answered or wait" in refused[0].details()

        waiting.pop().cancel()
        waiting.append(_call_until_there_is_room(stub, request))
        assert [call.code() for call in waiting] == [grpc.StatusCode.OK] * REQUESTS


def _call_until_there_is_room(stub: PredictionServiceStub, request: PredictRequest) -> grpc.Future:
    """The call that was let in, and answered."""
    answered: list[grpc.Future] = []

    def was_let_in() -> bool:
        answered.append(stub.Predict.future(request, timeout=DEADLINE_SECONDS))
        return bool(answered[-1].code() != grpc.StatusCode.RESOURCE_EXHAUSTED)

    wait_for(was_let_in, "a request in place of one that went away")
    return answered[-1]


def test_connections_that_stay_half_open_hold_nobody_up(server: ServerProcess, stub: PredictionServiceStub) -> None:
    host, grpc_port = server.grpc_address.rsplit(":", 1)
    rest_port = server.rest_url.rsplit(":", 1)[1]
    beginnings = (
        b"",
        b"PRI * HTTP/2.0\r\n",
        b"POST /v1/models/small:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"GET /v1/mod",
    )
    open_ones = []
    for port in (grpc_port, rest_port):
        for beginning in beginnings * 20:
            connection = socket.create_connection((host, int(port)))
            connection.sendall(beginning)
            open_ones.append(connection)
    try:
        assert stub.Predict(image_request(spec("small"), [IMAGE]), timeout=DEADLINE_SECONDS).outputs
        status = requests.get(f"{server.rest_url}/v1/models/small", timeout=DEADLINE_SECONDS)
        assert status.status_code == 200
    finally:
        for connection in open_ones:
            connection.close()


def test_clients_that_go_away_hold_nobody_up(stub: PredictionServiceStub) -> None:
    request = image_request(spec("small", contract.SERVING_EXPLANATION), [encode_png(noise(300, 300, seed=1))])

    for _ in range(20):
        stub.Predict.future(request, timeout=DEADLINE_SECONDS).cancel()
    hurried = stub.Predict.future(request, timeout=0.001)

    assert hurried.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_nothing_of_a_request_is_logged(server: ServerProcess, stub: PredictionServiceStub, tmp_path: Path) -> None:
    failure(stub.Predict, image_request(spec("small"), [b"Jane Doe 1970-01-01"]))
    failure(stub.Predict, image_request(spec("Jane Doe"), [IMAGE]))
    requests.post(f"{server.rest_url}/v1/models/Jane Doe:predict", data=b"Jane Doe", timeout=DEADLINE_SECONDS)

    assert "Jane" not in server.output()
    page = requests.get(f"{server.rest_url}/monitoring/prometheus/metrics", timeout=DEADLINE_SECONDS).text
    assert "Jane" not in page
    assert "Traceback" not in server.output()
