"""Bad networks and bad answers, over real HTTP."""

import gzip
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3.util.retry

from kubeflow.client.connection import Address, Connection, Settings, connect
from kubeflow.client.errors import ConflictError, NotFoundError, NotKubeflowError, RefusedError, UnavailableError
from kubeflow.client.runs import get_run, terminate_run
from kubeflow.client.transport import Limits
from schema.errors import BreastImagingError
from tests.certificates import Authority
from tests.kubeflow.conftest import QUICK
from tests.kubeflow.mock_api import Handler, MockServer, does_and_drops, drops, refuses, says, serving, stalls


def a_run(server: MockServer) -> str:
    server.experiments["e"] = {"experiment_id": "e", "display_name": "e", "created_at": "", "namespace": ""}
    server.runs["r"] = {"run_id": "r", "state": "RUNNING", "experiment_id": "e", "_namespace": ""}
    return "r"


@pytest.mark.parametrize("fault", [refuses(500), refuses(502), refuses(503), refuses(504), refuses(429), drops])
def test_a_question_is_repeated_until_it_is_answered(
    server: MockServer, connection: Connection, fault: Callable[..., None]
) -> None:
    run = a_run(server)
    server.fail("GET .*/runs/", fault, times=QUICK.retries)
    assert get_run(connection, run).state == "RUNNING"
    assert len(server.requests("GET .*/runs/r")) == QUICK.retries + 1


def test_it_is_given_up_after_the_last_retry(server: MockServer, connection: Connection) -> None:
    server.fail("GET .*/runs/", refuses(503, "no healthy upstream"), times=99)
    with pytest.raises(
        UnavailableError, match=r"GET http://127.*/runs/r: the server failed \(503: no healthy upstream"
    ):
        get_run(connection, a_run(server))
    assert len(server.requests("GET .*/runs/r")) == QUICK.retries + 1


def test_the_server_says_when_to_come_back(
    server: MockServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(urllib3.util.retry.time, "sleep", slept.append)
    server.fail("GET .*/runs/", refuses(429, Retry_After="7"))
    server.fail("GET .*/runs/", refuses(503, Retry_After="86400"))
    assert get_run(connection, a_run(server)).run_id == "r"
    assert slept == [7, 60], "a day is not waited for"


def test_what_is_the_same_twice_is_repeated(server: MockServer, connection: Connection) -> None:
    run = a_run(server)
    server.fail(":terminate", does_and_drops)
    terminate_run(connection, run)
    assert len(server.requests(":terminate")) == 2
    assert server.runs[run]["state"] == "CANCELING"


@pytest.mark.parametrize("fault", [refuses(503), refuses(429, Retry_After="0"), drops, does_and_drops])
def test_what_would_be_done_twice_is_sent_once(
    server: MockServer, connection: Connection, fault: Callable[..., None]
) -> None:
    server.fail("POST .*/experiments", fault)
    with pytest.raises(UnavailableError) as caught:
        connection.ask(connection.kfp.create_experiment, "one")
    assert len(server.requests("POST .*/experiments")) == 1
    if fault is does_and_drops:
        assert "may have been carried out" in caught.value.fix
        assert [each["display_name"] for each in server.experiments.values()] == ["one"]


def test_a_server_that_does_not_answer(server: MockServer) -> None:
    run = a_run(server)
    with connect(Settings(Address(server.url), limits=Limits(deadline=0.2, retries=1, pause=0.01))) as connection:
        server.fail("GET .*/runs/", stalls, times=2)
        with pytest.raises(UnavailableError, match=r"no answer \(none within 0.2 s\)"):
            get_run(connection, run)
    assert len(server.requests("GET .*/runs/r")) == 2


def test_a_compressed_answer(server: MockServer, connection: Connection) -> None:
    data = gzip.compress(b'{"run_id": "small"}')
    server.fail("GET .*/runs/", says(data, Content_Encoding="gzip"))
    assert get_run(connection, "r").run_id == "small"


def test_one_connection_is_enough(server: MockServer, connection: Connection) -> None:
    run = a_run(server)
    for _ in range(5):
        get_run(connection, run)
    assert len({call.client for call in server.requests("GET .*/runs/r")}) == 1


def breaks_off(handler: Handler, work: Callable[[], None]) -> None:
    """The work is done, and half of the answer arrives."""
    handler.send = lambda status, content, **headers: None  # type: ignore[method-assign]
    work()
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"run_id": ')
    handler.wfile.flush()
    handler.drop()


def test_half_an_answer(server: MockServer, connection: Connection) -> None:
    server.fail("GET .*/runs/", breaks_off, times=QUICK.retries)
    assert get_run(connection, a_run(server)).state == "RUNNING"
    server.fail("GET .*/runs/", breaks_off, times=99)
    with pytest.raises(UnavailableError, match="the connection broke"):
        get_run(connection, "r")
    server.fail("POST .*/experiments", breaks_off)
    with pytest.raises(UnavailableError, match="the connection broke"):
        connection.ask(connection.kfp.create_experiment, "one")
    assert len(server.requests("POST .*/experiments")) == 1


def drips(handler: Handler, work: Callable[[], None]) -> None:
    """A byte now and then, for as long as there is a client: no single wait for one is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.mock.ended.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def test_an_answer_that_drips(server: MockServer) -> None:
    with connect(Settings(Address(server.url), limits=Limits(deadline=0.3, retries=0, pause=0.01))) as connection:
        server.fail("GET .*/runs/", drips)
        with pytest.raises(UnavailableError, match=r"no answer \(none within 0.3 s\)"):
            get_run(connection, "r")


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_bounds(
    server: MockServer, connection: Connection, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr("kubeflow.client.transport._LARGEST_ANSWER", 100)
    body = b"10\r\n" + b" " * 16 + b"\r\n" if chunked else b" "
    end = b"0\r\n\r\n" if chunked else b""
    header = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "1000")

    def act(handler: Handler, work: Callable[[], None]) -> None:
        handler.send_response(200)
        handler.send_header(*header)
        handler.end_headers()
        handler.wfile.write(body * 1000 + end)

    server.fail("GET .*/runs/", act)
    with pytest.raises(NotKubeflowError, match="more than 100 bytes"):
        get_run(connection, "r")
    assert get_run(connection, a_run(server)).run_id == "r", "the next one has a connection of its own"


def test_no_server() -> None:
    nowhere = connect(Settings(Address("http://127.0.0.1:1"), limits=QUICK))
    with pytest.raises(UnavailableError, match=r"the server cannot be reached .*refused") as caught, nowhere:
        pass
    assert "--port-forward" in caught.value.fix


@pytest.mark.parametrize(
    ("status", "kind", "what", "fix"),
    [
        (400, RefusedError, "refused the request (400: no)", "correct what the server names"),
        (401, RefusedError, "does not know who asks (401: no)", "--token-file"),
        (403, RefusedError, "may not do this (403: no)", "--namespace"),
        (404, NotFoundError, "knows no such thing (404: no)", "status"),
        (409, ConflictError, "is there already", "again"),
    ],
)
def test_a_refusal_is_one_message(
    server: MockServer, connection: Connection, status: int, kind: type[BreastImagingError], what: str, fix: str
) -> None:
    server.fail("GET .*/runs/", refuses(status))
    with pytest.raises(kind) as caught:
        get_run(connection, "r")
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert len(server.requests("GET .*/runs/r")) == 1, "asking again changes nothing"


@pytest.mark.parametrize("body", [b"", b"<html>denied</html>", b"[1]", b'{"message": 5}', b"\xff\xfe"])
def test_a_refusal_without_a_reason(server: MockServer, connection: Connection, body: bytes) -> None:
    server.fail("GET .*/runs/", says(body, "text/html", status=403))
    with pytest.raises(RefusedError, match=r"may not do this \(403(: 5)?\)"):
        get_run(connection, "r")


def test_a_login_page_is_no_server(server: MockServer, connection: Connection) -> None:
    there = "https://sso.example.org/login?state=secret"
    server.fail("GET .*/runs/", says(b"<html/>", "text/html", status=302, Location=there))
    with pytest.raises(
        RefusedError, match=r"sends its clients elsewhere to log in \(https://sso.example.org/login\)"
    ):
        get_run(connection, "r")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html>Welcome</html>", "not JSON"),
        (b'{"run_id": "r', "not JSON"),
        (b"", "not JSON"),
        (b"[]", "JSON list"),
        (b'"run"', "JSON str"),
        (b'{"created_at": "yesterday"}', "Failed to parse `yesterday` as datetime"),
        (b'{"run_details": {"task_details": 3}}', "not iterable"),
    ],
)
def test_an_answer_that_is_none(server: MockServer, connection: Connection, data: bytes, why: str) -> None:
    server.fail("GET .*/runs/", says(data))
    with pytest.raises(NotKubeflowError, match="is not one of Kubeflow Pipelines") as caught:
        get_run(connection, "r")
    assert why in caught.value.what


def test_tls_needs_an_authority_that_is_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    signed = authority.sign("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    with serving(MockServer(), tls=context) as server:
        address = Address(server.url.replace("127.0.0.1", "localhost"))
        with connect(Settings(address, tls_ca=authority.certificate, limits=QUICK)) as connection:
            assert get_run(connection, a_run(server)).state == "RUNNING"
        untrusting = connect(Settings(address, limits=QUICK))
        with pytest.raises(RefusedError, match="certificate is not trusted") as caught, untrusting:
            pass
        assert "--tls-ca" in caught.value.fix
