"""Both clients against a server in this process, with faults."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from schema.errors import ConfigurationError
from serving.client import (
    AccessDeniedError,
    AsyncClient,
    BadImageError,
    ChannelSettings,
    Client,
    ClientError,
    DeadlineExceededError,
    FailedFile,
    ForeignModelError,
    NoSuchModelError,
    NotAvailableError,
    PredictedFile,
    ServerFaultError,
    ServerUnavailableError,
    State,
    TooLargeError,
    VersionStatus,
)
from serving.client.channels import target
from tests.images import dicom, encode, noise
from tests.serving.fake_tf_serving import BAD_IMAGE, NAME, FakeServer, outputs_of, probability_of
from tests.serving.fake_tf_serving import State as Wire

IMAGES = [b"one image", b"and another one"]


class Driven:
    """An AsyncClient that is asked as a Client is."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = self._run(self._make(*arguments, **settings))

    async def _make(self, *arguments: Any, **settings: Any) -> AsyncClient:
        return AsyncClient(*arguments, **settings)

    def _run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **settings: self._run(getattr(self._client, name)(*arguments, **settings))

    def predict_files(self, *arguments: Any, **settings: Any) -> list[Any]:
        async def collect() -> list[Any]:
            return [each async for each in self._client.predict_files(*arguments, **settings)]

        return self._run(collect())

    def close(self) -> None:
        self._run(self._client.close())
        self._runner.close()


@pytest.fixture(params=[Client, Driven], ids=["Client", "AsyncClient"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes clients, of either kind, that are closed in the end."""
    made = []

    def make(*arguments: Any, **settings: Any) -> Any:
        made.append(request.param(*arguments, **settings))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


def test_predictions_are_what_the_model_answers(server: FakeServer, connect: Callable[..., Any]) -> None:
    answered = connect(server.address, NAME).predict(IMAGES)

    assert [each.malignant_probability for each in answered] == [probability_of(image) for image in IMAGES]
    for each in answered:
        assert list(each.probabilities) == ["benign", "malignant"]
        assert each.probabilities["malignant"] == each.malignant_probability
        assert each.probabilities["benign"] == pytest.approx(1 - each.malignant_probability, abs=1e-6)
        assert each.label == ("malignant" if each.malignant_probability >= 0.5 else "benign")
        assert (each.threshold, each.model_name, each.model_version) == (0.5, NAME, 1)
        assert each.latency > 0
    assert server.images == [IMAGES]
    assert server.signatures == ["serving_image"]


def test_explanations_have_heat_maps(server: FakeServer, connect: Callable[..., Any]) -> None:
    answered = connect(server.address, NAME).explain(IMAGES)

    expected = outputs_of(IMAGES)["heat_map"]
    assert [each.prediction.malignant_probability for each in answered] == [probability_of(image) for image in IMAGES]
    for each, heat_map in zip(answered, expected, strict=True):
        np.testing.assert_array_equal(each.heat_map, heat_map)
        assert (each.heat_map.shape, each.heat_map.dtype) == ((64, 64), np.float32)
    assert server.signatures == ["serving_explanation"]


def test_no_images_are_not_asked_for(server: FakeServer, connect: Callable[..., Any]) -> None:
    client = connect(server.address, NAME)

    assert client.predict([]) == []
    assert client.explain([]) == []
    assert server.images == []


@pytest.mark.parametrize(
    ("choice", "version"), [({}, 3), ({"version": 2}, 2), ({"label": "stable"}, 2), ({"label": "canary"}, 3)]
)
def test_the_version_asked_for_answers(
    choice: dict[str, Any], version: int, server: FakeServer, connect: Callable[..., Any]
) -> None:
    server.states = {1: Wire.END, 2: Wire.AVAILABLE, 3: Wire.AVAILABLE}
    server.labels = {"stable": 2, "canary": 3}

    client = connect(server.address, NAME, **choice)

    assert client.predict(IMAGES)[0].model_version == version
    assert client.wait_until_available() == version


@pytest.mark.parametrize(
    ("name", "choice", "shown"),
    [
        ("nonsense", {}, "nonsense"),
        (NAME, {"version": 7}, f"{NAME} (version 7)"),
        (NAME, {"label": "beta"}, f"{NAME} (label 'beta')"),
    ],
)
def test_a_model_that_is_not_served_is_named(
    name: str, choice: dict[str, Any], shown: str, server: FakeServer, connect: Callable[..., Any]
) -> None:
    with pytest.raises(NoSuchModelError) as raised:
        connect(server.address, name, **choice).predict(IMAGES)

    assert raised.value.what == f"{server.address} does not serve {shown}."
    assert raised.value.exit_code == 4


@pytest.mark.parametrize("faults", [1, 3])
def test_a_server_that_is_unavailable_for_a_moment_is_asked_again(
    faults: int, server: FakeServer, connect: Callable[..., Any]
) -> None:
    server.faults.extend([grpc.StatusCode.UNAVAILABLE] * faults)

    assert len(connect(server.address, NAME).predict(IMAGES)) == 2
    assert not server.faults


def test_a_large_request_is_sent_again_too(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.faults.append(grpc.StatusCode.UNAVAILABLE)
    large = bytes(8 * 1024 * 1024)

    assert len(connect(server.address, NAME).predict([large])) == 1
    assert server.images == [[large]]


def test_a_server_that_stays_unavailable_is_given_up(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.faults.extend([grpc.StatusCode.UNAVAILABLE] * 9)

    with pytest.raises(ServerUnavailableError) as raised:
        connect(server.address, NAME).predict(IMAGES)

    assert raised.value.what == f"No server answers at {server.address}."
    assert raised.value.reasons == ("UNAVAILABLE: as the test wants it",)
    assert len(server.faults) == 9 - 4


def test_without_further_attempts_the_first_one_counts(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.faults.append(grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(ServerUnavailableError):
        connect(server.address, NAME, channel=ChannelSettings(attempts=1)).predict(IMAGES)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INTERNAL, ServerFaultError),
        (grpc.StatusCode.UNKNOWN, ServerFaultError),
        (grpc.StatusCode.UNIMPLEMENTED, ServerFaultError),
        (grpc.StatusCode.INVALID_ARGUMENT, BadImageError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLargeError),
        (grpc.StatusCode.FAILED_PRECONDITION, ForeignModelError),
        (grpc.StatusCode.UNAUTHENTICATED, AccessDeniedError),
        (grpc.StatusCode.PERMISSION_DENIED, AccessDeniedError),
        (grpc.StatusCode.CANCELLED, ServerUnavailableError),
    ],
)
def test_other_failures_are_told_at_once(
    code: grpc.StatusCode, error: type[ClientError], server: FakeServer, connect: Callable[..., Any]
) -> None:
    server.faults.extend([code, code])

    with pytest.raises(error) as raised:
        connect(server.address, NAME).predict(IMAGES)

    assert raised.value.reasons == (f"{code.name}: as the test wants it",)
    assert len(server.faults) == 1


def test_an_answer_that_does_not_come_ends_with_the_deadline(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.held.clear()

    with pytest.raises(DeadlineExceededError) as raised:
        connect(server.address, NAME, deadline=0.2).predict(IMAGES)

    assert raised.value.what == f"{server.address} gave no answer within the deadline."


def test_an_image_that_the_model_cannot_read(server: FakeServer, connect: Callable[..., Any]) -> None:
    with pytest.raises(BadImageError) as raised:
        connect(server.address, NAME).predict([IMAGES[0], BAD_IMAGE])

    assert raised.value.reasons == ("INVALID_ARGUMENT: Unknown image file format.",)
    assert raised.value.exit_code == 2


def test_a_message_above_the_limit(server: FakeServer, connect: Callable[..., Any]) -> None:
    client = connect(server.address, NAME, channel=ChannelSettings(maximum_message_bytes=1000))

    with pytest.raises(TooLargeError):
        client.predict([bytes(1001)])
    with pytest.raises(TooLargeError):
        client.explain(IMAGES)


GARBAGE = [
    ({"probabilities": None}, "probabilities: the answer lacks it"),
    ({"classes": None}, "classes: the answer lacks it"),
    ({"label": None}, "label: the answer lacks it"),
    ({"threshold": None}, "threshold: the answer lacks it"),
    ({"malignant_probability": None}, "malignant_probability: the answer lacks it"),
    ({"probabilities": np.zeros((2, 3), np.float32)}, "probabilities: its shape is (2, 3), not (2, 2)"),
    ({"probabilities": np.zeros((1, 2), np.float32)}, "probabilities: its shape is (1, 2), not (2, 2)"),
    ({"probabilities": np.zeros((2, 2), np.float64)}, "probabilities: its type is 2, not DT_FLOAT (1)"),
    ({"probabilities": np.full((2, 2), np.nan, np.float32)}, "probabilities: not all within [0, 1]"),
    ({"malignant_probability": np.full(2, 1.5, np.float32)}, "malignant_probability: not all within [0, 1]"),
    ({"threshold": np.full(1, 0.5, np.float32)}, "threshold: its shape is (1,), not (2,)"),
    ({"label": np.zeros(2, np.float32)}, "label: its type is 1, not DT_STRING (7)"),
    ({"label": np.array(["other", "benign"], object)}, "classes: names twice, or the label is none of them"),
    ({"classes": np.array([["a", "a"]] * 2, object)}, "classes: names twice, or the label is none of them"),
    ({"classes": np.array(["benign", "malignant"], object)}, "classes: its shape is (2,), not (2, 0)"),
    ({"label": np.array([b"\xff", b"\xff"], object)}, "label: 'utf-8' codec can't decode"),
]


@pytest.mark.parametrize(("changes", "fault"), GARBAGE)
def test_the_answer_of_another_model_is_refused(
    changes: dict[str, Any], fault: str, server: FakeServer, connect: Callable[..., Any]
) -> None:
    server.outputs = lambda images: {
        name: value for name, value in (outputs_of(images) | changes).items() if value is not None
    }

    with pytest.raises(ForeignModelError) as raised:
        connect(server.address, NAME).predict(IMAGES)

    assert raised.value.what == f"{NAME} does not answer as a model of this project does."
    assert raised.value.reasons[0].startswith(fault)


@pytest.mark.parametrize(
    "heat_map", [np.zeros((2, 64, 63), np.float32), np.full((2, 64, 64), 1.1, np.float32)], ids=["shape", "range"]
)
def test_heat_maps_of_another_model_are_refused(
    heat_map: Any, server: FakeServer, connect: Callable[..., Any]
) -> None:
    server.outputs = lambda images: outputs_of(images) | {"heat_map": heat_map}

    with pytest.raises(ForeignModelError) as raised:
        connect(server.address, NAME).explain(IMAGES)

    assert raised.value.reasons == ("heat_map: not (2, 64, 64) shares in [0, 1]",)


def test_status_tells_every_version(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.states = {2: Wire.LOADING, 1: Wire.AVAILABLE, 3: Wire.END}
    server.broken, server.polls_to_load = {3}, 9
    server._left_to_poll = {2: 9}

    known = (
        VersionStatus(1, State.AVAILABLE),
        VersionStatus(2, State.LOADING),
        VersionStatus(3, State.END, "the graph is damaged"),
    )
    assert connect(server.address, NAME).status() == known
    assert connect(server.address, NAME, label="stable").status() == known
    assert connect(server.address, NAME, version=3).status() == known[2:]
    with pytest.raises(NoSuchModelError):
        connect(server.address, NAME, version=4).status()


def test_waiting_ends_when_the_model_is_there(server: FakeServer, connect: Callable[..., Any]) -> None:
    server.states, server._left_to_poll = {5: Wire.LOADING}, {5: 3}

    assert connect(server.address, NAME).wait_until_available(30) == 5


def test_waiting_ends_when_the_server_is_there(connect: Callable[..., Any]) -> None:
    server = FakeServer()
    with server:
        pass
    later = threading.Timer(0.3, server.start)
    client = connect(server.address, NAME)
    later.start()
    try:
        assert client.wait_until_available(30) == 1
    finally:
        later.join()
        server.stop()


def test_waiting_ends_without_the_model(server: FakeServer, connect: Callable[..., Any]) -> None:
    with pytest.raises(NotAvailableError) as raised:
        connect(server.address, NAME, version=9).wait_until_available(0.3)

    assert raised.value.what == (
        f"{NAME} (version 9) did not become available within 0.3 s: {server.address} does not serve {NAME}"
        " (version 9)."
    )


def test_waiting_does_not_go_on_where_it_does_not_help(connect: Callable[..., Any]) -> None:
    bare = grpc.server(ThreadPoolExecutor(1))
    port = bare.add_insecure_port("127.0.0.1:0")
    bare.start()
    try:
        with pytest.raises(ServerFaultError, match="does not speak TensorFlow Serving's protocol"):
            connect(f"127.0.0.1:{port}", NAME).wait_until_available(30)
    finally:
        bare.stop(None)


def test_several_servers_are_asked_in_turn(connect: Callable[..., Any]) -> None:
    with FakeServer() as first, FakeServer() as second:
        client = connect([first.address, second.address], NAME)
        _until_both_are_connected(client, first, second)
        first.images.clear()
        second.images.clear()

        for _ in range(6):
            client.predict(IMAGES)

        assert (len(first.images), len(second.images)) == (3, 3)


def test_a_server_that_dies_leaves_the_questions_to_the_other(connect: Callable[..., Any]) -> None:
    with FakeServer() as first, FakeServer() as second:
        client = connect([first.address, second.address], NAME)
        _until_both_are_connected(client, first, second)

        first.stop()

        for _ in range(6):
            assert len(client.predict(IMAGES)) == 2


def _until_both_are_connected(client: Any, *servers: FakeServer) -> None:
    for _ in range(1000):
        client.predict(IMAGES)
        if all(server.images for server in servers):
            return
    raise AssertionError("a server was never asked")


def test_files_are_answered_in_order_and_broken_ones_named(
    server: FakeServer, connect: Callable[..., Any], tmp_path: Path
) -> None:
    pixels = [noise(20, 30, seed=seed) for seed in range(3)]
    files = {
        "a.png": encode(pixels[0], "PNG"),
        "b.dcm": dicom(pixels[1]),
        "c.png": b"broken",
        "e.pgm": encode(pixels[2], "PPM"),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in ("a.png", "b.dcm", "c.png", "d.png", "e.pgm")]

    outcomes = list(connect(server.address, NAME).predict_files(paths, batch_size=2))

    assert [outcome.path for outcome in outcomes] == paths
    assert [type(outcome) for outcome in outcomes] == [
        PredictedFile,
        PredictedFile,
        FailedFile,
        FailedFile,
        PredictedFile,
    ]
    assert outcomes[2].error.what.startswith("The image cannot be used: the content is not an image")
    assert outcomes[3].error.what == "The file cannot be read (No such file or directory)."
    sent = [image for batch in server.images for image in batch]
    answered = [outcome.prediction for outcome in outcomes if isinstance(outcome, PredictedFile)]
    assert [each.malignant_probability for each in answered] == [probability_of(image) for image in sent]
    assert [len(batch) for batch in server.images] == [2, 1]


def test_an_image_that_the_model_refuses_costs_no_other_its_answer(
    server: FakeServer, connect: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.client.conversion.to_png", lambda data: data)
    paths = [tmp_path / str(number) for number in range(3)]
    for path, content in zip(paths, [b"x", BAD_IMAGE, b"y"], strict=True):
        path.write_bytes(content)

    outcomes = list(connect(server.address, NAME).predict_files(paths))

    assert [type(outcome) for outcome in outcomes] == [PredictedFile, FailedFile, PredictedFile]
    assert isinstance(outcomes[1].error, BadImageError)


def test_a_server_that_dies_in_the_middle_is_the_error_of_the_files_left(
    server: FakeServer, connect: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(noise(8, 8), "PNG"))

    def outputs(images: Any) -> Any:
        if len(server.images) > 2:
            threading.Thread(target=server.stop).start()
            server.held.clear()
        return outputs_of(images)

    server.outputs = outputs
    client = connect(server.address, NAME, deadline=2.0)

    outcomes = list(client.predict_files([path] * 6, batch_size=1))

    failed = [isinstance(outcome, FailedFile) for outcome in outcomes]
    assert failed == sorted(failed)
    assert failed[0] is False
    assert failed[-1] is True
    assert isinstance(outcomes[-1].error, ServerUnavailableError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"addresses": "localhost"}, "'localhost' is no address of a server."),
        ({"addresses": "localhost:0"}, "'localhost:0' is no address"),
        ({"addresses": "localhost:65536"}, "'localhost:65536' is no address"),
        ({"addresses": "http://localhost:8500"}, "'http://localhost:8500' is no address"),
        ({"addresses": "::1:8500"}, "'::1:8500' is no address"),
        ({"addresses": []}, "No address of a server is given."),
        ({"model": ""}, "The model has no name."),
        ({"version": 1, "label": "stable"}, "Both version 1 and label 'stable' are asked for."),
        ({"version": -1}, "-1 is no version."),
        ({"deadline": 0.0}, "A deadline of 0 s is none."),
        ({"deadline": float("inf")}, "A deadline of inf s is none."),
        ({"deadline": float("nan")}, "A deadline of nan s is none."),
    ],
)
def test_arguments_that_cannot_be_meant(arguments: dict[str, Any], message: str, connect: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        connect(**{"addresses": "localhost:8500", "model": NAME} | arguments)

    assert message in raised.value.what


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attempts": 0}, "A call cannot be attempted 0 times."),
        ({"attempts": 6}, "A call cannot be attempted 6 times."),
        ({"keepalive": 299.0}, "A keepalive of 299 s is too short"),
        ({"maximum_message_bytes": 0}, "Messages cannot have less than 1 byte."),
    ],
)
def test_channels_that_cannot_be_meant(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ChannelSettings(**settings)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["models.example:8500"], "dns:///models.example:8500"),
        (["[::1]:8500"], "dns:///[::1]:8500"),
        (["127.0.0.1:1", "127.0.0.2:2"], "ipv4:127.0.0.1:1,127.0.0.2:2"),
        (["[::1]:1", "[::2]:2"], "ipv6:[::1]:1,[::2]:2"),
    ],
)
def test_addresses_as_grpc_wants_them(addresses: list[str], expected: str) -> None:
    assert target(addresses) == expected


def test_addresses_of_different_families_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no family of addresses in common"):
        target(["127.0.0.1:1", "[::1]:1"])


def test_a_name_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(
        ConfigurationError, match=r"The name 'nowhere' has no address \(Name or service not known\)\."
    ):
        target(["nowhere:1", "127.0.0.1:1"])


HEAVY = {
    "tensorflow",
    "keras",
    "pandas",
    "scipy",
    "cv2",
    "PIL",
    "pydicom",
    "apache_beam",
    "tfx",
    "components",
    "pipeline",
}


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        ("serving.client", HEAVY | {"numpy"}),
        ("serving.release.rollout", HEAVY | {"numpy"}),
        ("serving, schema.contract, schema.errors", HEAVY | {"numpy", "grpc"}),
        ("serving.client.conversion", HEAVY - {"PIL", "cv2"}),
    ],
)
def test_what_an_import_brings_with_it(modules: str, forbidden: set[str]) -> None:
    program = f"import sys, {modules}; print(sorted({forbidden!r} & set(sys.modules)))"

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (finished.stdout, finished.stderr) == ("[]\n", "")
