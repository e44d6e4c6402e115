"""The embedded server's start and end, its health, and TLS."""

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from pipeline.cli.main import run_app
from serving.reference import reference_images
from serving.servable import Servable
from tests.serving.certificates import Authority
from tests.serving.conftest import Exported
from tests.serving.load import under_load
from tests.serving.requests_of import DEADLINE_SECONDS, arrays, image_request, spec
from tests.serving.server_process import ServerProcess, wait_for

pytestmark = pytest.mark.slow

IMAGE = reference_images()[0]
FAST = ("--poll-seconds", "0.05")
Health = health_pb2.HealthCheckResponse


@pytest.fixture
def base(tmp_path: Path, exported: Exported) -> Path:
    shutil.copytree(exported.directory, tmp_path / "small" / "1")
    return tmp_path / "small"


def health_of(channel: grpc.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Check(request, timeout=DEADLINE_SECONDS).status


def test_health_and_reflection_from_an_empty_folder_to_sigterm_under_load(tmp_path: Path, exported: Exported) -> None:
    base = tmp_path / "small"
    base.mkdir()
    with Servable(str(exported.directory)) as servable:
        right = servable.predict_images([IMAGE]).probabilities[0].tolist()
    with ServerProcess("--model", str(base), *FAST) as server, grpc.insecure_channel(server.grpc_address) as channel:
        assert health_of(channel) == Health.NOT_SERVING
        assert "tensorflow.serving.PredictionService" in reflected(channel)

        shutil.copytree(exported.directory, base / ".staging")
        (base / ".staging").rename(base / "1")
        server.wait_for_output("Serving small: 1")
        wait_for(lambda: health_of(channel) == Health.SERVING, "health")
        assert health_of(channel, "tensorflow.serving.PredictionService") == Health.SERVING
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_SECONDS)
        assert next(watched).status == Health.SERVING

        with under_load(server.grpc_address, "small", IMAGE, right) as load:
            wait_for(lambda: load.answers[1, 0.5] > 20, "answers")
            assert load.failures == {}
            server.signal(signal.SIGTERM)
            assert next(watched).status == Health.NOT_SERVING
            assert server.wait() == 0
            wait_for(lambda: load.failures.total() > 0, "clients notice")

        # gRPC cancels what reaches it while it closes its port.
        assert load.failures.keys() <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert load.differing == 0
        assert "Stopping: requests in flight are answered first." in server.output()
        assert "Traceback" not in server.output()


def reflected(channel: grpc.Channel) -> set[str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    answer = next(stub.ServerReflectionInfo(iter([request]), timeout=DEADLINE_SECONDS))
    return {service.name for service in answer.list_services_response.service}


def test_a_signal_while_a_version_is_being_loaded(base: Path) -> None:
    with ServerProcess("--model", str(base)) as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert "terminate" not in server.output()


def test_a_second_signal_ends_at_once(base: Path) -> None:
    with ServerProcess("--model", str(base), "--grace-seconds", "600") as server:
        server.wait_for_output("Serving small: 1")
        host, port = server.rest_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as unfinished:
            unfinished.sendall(b"POST /v1/models/small:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            wait_for(lambda: requests.get(f"{server.rest_url}/v1/models/small", timeout=9).ok, "the server reads it")
            server.signal(signal.SIGINT)
            server.wait_for_output("Stopping")
            server.signal(signal.SIGINT)
            assert server.wait() == 1


@pytest.fixture
def secure(base: Path, tmp_path: Path) -> Iterator[tuple[ServerProcess, Authority]]:
    """A server that serves clients of an authority alone."""
    authority = Authority(tmp_path, "authority")
    own = authority.issue("server")
    options = {"--tls-certificate": own.certificate, "--tls-key": own.key, "--tls-client-ca": authority.certificate}
    arguments = [str(each) for option in options.items() for each in option]
    with ServerProcess("--model", str(base), *arguments) as server:
        server.wait_for_output("Serving small: 1")
        yield server, authority


def test_mutual_tls(secure: tuple[ServerProcess, Authority], tmp_path: Path) -> None:
    server, authority = secure
    known, stranger = authority.issue("known"), Authority(tmp_path, "elsewhere").issue("stranger")
    root = authority.certificate.read_bytes()
    request = image_request(spec("small"), [IMAGE])

    def ask(credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
        with grpc.secure_channel(server.grpc_address, credentials) as channel:
            call = PredictionServiceStub(channel).Predict.future(request, timeout=DEADLINE_SECONDS)
            return call.code()

    accepted = grpc.ssl_channel_credentials(root, known.key.read_bytes(), known.certificate.read_bytes())
    strange = grpc.ssl_channel_credentials(root, stranger.key.read_bytes(), stranger.certificate.read_bytes())
    assert ask(accepted) == grpc.StatusCode.OK
    assert ask(strange) == grpc.StatusCode.UNAVAILABLE
    assert ask(grpc.ssl_channel_credentials(root)) == grpc.StatusCode.UNAVAILABLE

    url, verify = f"{server.rest_url}/v1/models/small", str(authority.certificate)
    assert url.startswith("https://")
    pair = (str(known.certificate), str(known.key))
    assert requests.get(url, timeout=DEADLINE_SECONDS, verify=verify, cert=pair).status_code == 200
    with pytest.raises((requests.exceptions.SSLError, requests.exceptions.ConnectionError)):
        requests.get(url, timeout=DEADLINE_SECONDS, verify=verify)


def test_batching_answers_as_without(base: Path, exported: Exported) -> None:
    images = list(reference_images())
    with Servable(str(exported.directory)) as servable:
        expected = servable.predict_images(images).malignant_probability
    with ServerProcess("--model", str(base), "--batch-size", "8", "--batch-wait-ms", "20") as server:
        server.wait_for_output("Serving small: 1")
        with grpc.insecure_channel(server.grpc_address) as channel:
            predict = PredictionServiceStub(channel).Predict
            calls = [
                predict.future(image_request(spec("small"), [image]), timeout=DEADLINE_SECONDS)
                for image in images * 5
            ]
            wrong = predict.future(image_request(spec("small"), [images[0][:-40]]), timeout=DEADLINE_SECONDS)
            found = [arrays(call.result())["malignant_probability"][0] for call in calls]
            assert wrong.code() == grpc.StatusCode.INVALID_ARGUMENT

    assert found == pytest.approx(expected.tolist() * 5, abs=1e-5)


@pytest.fixture
def port_in_use() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


@pytest.mark.parametrize("option", ["--grpc-port", "--rest-port"])
def test_a_port_in_use(option: str, port_in_use: int, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = {"--grpc-port": "0", "--rest-port": "0", option: str(port_in_use)}

    code = run_app(["serve", "--model", str(base), *(each for pair in free.items() for each in pair)])

    assert code == 4
    message = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1:{port_in_use}" in message
    assert f"What to do: name another {option}" in message


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "There must be one of --model and --model-config-file."),
        (["--model", "x", "--model-config-file", "y"], "There must be one of --model and --model-config-file."),
        (["--model", "gone"], "gone does not exist."),
        (["--model-config-file", "gone"], "The model configuration gone cannot be used"),
        (["--model-config-file", "broken.config"], "The model configuration broken.config cannot be used"),
        (["--model-config-file", "relative.config"], "the base_path of small is not absolute"),
        (["--model-config-file", "empty.config"], "it has no model_config_list with a config in it"),
        (["--model", ".", "--tls-certificate", "c.pem"], "TLS takes both --tls-certificate and --tls-key."),
        (["--model", ".", "--tls-certificate", "c.pem", "--tls-key", "k.pem"], "The TLS files cannot be used"),
        (["--model", ".", "--grpc-port", "70000"], "Invalid value for '--grpc-port'"),
    ],
)
def test_what_cannot_be_served_exits_with_4(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.config").write_text("model_config_list {")
    Path("relative.config").write_text('model_config_list { config { name: "small" base_path: "small" } }')
    Path("empty.config").write_text("")

    assert run_app(["serve", *arguments]) == 4
    message = capsys.readouterr().err
    assert text in message
    assert "Traceback" not in message
