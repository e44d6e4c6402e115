"""Webhooks, against a server that behaves well and badly."""

import hashlib
import hmac
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.alerts.delivery import DeliveryError
from pipeline.alerts.notify import notify
from pipeline.alerts.payload import make_alert
from pipeline.alerts.settings import AlertSettings, WebhookSettings
from pipeline.alerts.webhook import IDENTIFIER_HEADER, SIGNATURE_HEADER, post, sign
from tests.certificates import Authority
from tests.records import make_record

SECRET = "s3cret-key"
BODY = b'{"a": 1}'


class Receiver(ThreadingHTTPServer):
    """Gives the answers it was told to, in turn, and the last one from then on.

    An answer is a status; "silent" answers nothing until the end, and "cut" closes the connection.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[int | str] = [204]
        self.headers: dict[str, str] = {}
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == "silent":
            self.server.closing.wait()
        if not isinstance(answer, int):
            self.close_connection = True
            return
        self.send_response(answer)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    # A proxy that is not there: what is for this machine does not leave it.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def settings(receiver: Receiver, **changes: Any) -> WebhookSettings:
    return WebhookSettings(**({"url": receiver.url, "backoff_seconds": 0.0, "timeout_seconds": 20.0} | changes))


def failure(webhook: WebhookSettings) -> str:
    with pytest.raises(DeliveryError) as caught:
        post(webhook, BODY, "an-identifier")
    return str(caught.value)


def test_a_signed_alert_with_a_secret_header(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_KEY", SECRET)
    monkeypatch.setenv("ALERT_TOKEN", "Bearer abc")
    secrets = {
        "signing_key_from": "env:ALERT_KEY",
        "header_name": "Authorization",
        "header_value_from": "env:ALERT_TOKEN",
    }
    record = make_record()
    (outcome,) = notify(AlertSettings(webhook=settings(receiver, **secrets)), record, "breast")

    alert = make_alert(record, "breast", test=False)
    assert (outcome.channel, outcome.delivered, outcome.detail) == ("webhook", True, "127.0.0.1 answered 204")
    ((path, headers, body),) = receiver.received
    assert path == f"/hooks/{SECRET}"
    assert body == alert.as_record()
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer abc"
    assert headers[IDENTIFIER_HEADER] == alert.identifier
    assert headers[SIGNATURE_HEADER] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_the_signature_is_that_of_github() -> None:
    # The example of GitHub's documentation of webhooks.
    signature = sign("It's a Secret to Everybody", b"Hello, World!")
    assert signature == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_without_secrets_there_are_no_such_headers(receiver: Receiver) -> None:
    post(settings(receiver), BODY, "an-identifier")

    ((_, headers, _),) = receiver.received
    assert {SIGNATURE_HEADER, "Authorization"}.isdisjoint(headers)


def test_text_for_chat_programs(receiver: Receiver) -> None:
    notify(AlertSettings(webhook=settings(receiver, format="text")), make_record(), "breast")

    content = json.loads(receiver.received[0][2])
    assert list(content) == ["text"]
    assert content["text"].startswith("breast, retraining 3: a new model was published.")


def test_an_address_that_is_a_secret(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_URL", receiver.url)
    assert post(settings(receiver, url="", url_from="env:ALERT_URL"), BODY, "x") == "127.0.0.1 answered 204"
    monkeypatch.setenv("ALERT_URL", f"http://hooks.example.org/{SECRET}")
    said = failure(settings(receiver, url="", url_from="env:ALERT_URL"))
    assert said.startswith("env:ALERT_URL: the address of the webhook must begin with https://")
    assert SECRET not in said


@pytest.mark.parametrize("trouble", [500, 503, 429, "cut"])
def test_what_passes_is_tried_again(trouble: int | str, receiver: Receiver) -> None:
    receiver.answers = [trouble, trouble, 200]

    assert post(settings(receiver), BODY, "an-identifier") == "127.0.0.1 answered 200 at attempt 3"
    assert [(headers[IDENTIFIER_HEADER], body) for _, headers, body in receiver.received] == [
        ("an-identifier", BODY)
    ] * 3


@pytest.mark.parametrize(
    ("answer", "asked", "said"),
    [
        (503, 3, "127.0.0.1 answered 503; tried 3 times"),
        (429, 3, "127.0.0.1 answered 429; tried 3 times"),
        (404, 1, "127.0.0.1 answered 404"),
        (401, 1, "127.0.0.1 answered 401"),
        (307, 1, "127.0.0.1 answered 307, a redirection, which is not followed"),
        (302, 1, "127.0.0.1 answered 302, a redirection, which is not followed"),
    ],
)
def test_what_does_not_pass_is_given_up(answer: int, asked: int, said: str, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [answer], {"Location": receiver.url + "/elsewhere"}

    assert failure(settings(receiver, attempts=3)) == said
    assert len(receiver.received) == asked


def test_a_server_that_does_not_answer(receiver: Receiver) -> None:
    receiver.answers = ["silent"]

    assert failure(settings(receiver, attempts=2, timeout_seconds=0.3)) == (
        "127.0.0.1 did not answer in time; tried 2 times"
    )
    assert len(receiver.received) == 2


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    webhook = WebhookSettings(url=f"http://127.0.0.1:{port}/{SECRET}", attempts=2, backoff_seconds=0.0)
    (outcome,) = notify(AlertSettings(webhook=webhook), make_record(), "breast")

    assert not outcome.delivered
    assert outcome.detail == "127.0.0.1 cannot be reached (ClientConnectorError); tried 2 times"


def test_only_a_server_with_a_certificate_that_is_trusted_is_told(receiver: Receiver, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    signed = authority.sign("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = f"https://localhost:{receiver.server_address[1]}/"

    assert failure(settings(receiver, url=url, attempts=1)).startswith(
        "localhost cannot be reached (ClientConnectorC"
    )
    assert receiver.received == []
    # That of a hospital's own authority, from the environment.
    program = "import sys; from pipeline.cli.main import run_app; sys.exit(run_app(sys.argv[1:]))"
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            "alerts",
            "test",
            "--config",
            "synthetic",
            "--set",
            f"alerts.webhook.url={url}",
        ],
        env=os.environ | {"SSL_CERT_FILE": str(authority.certificate), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, "Alert by webhook delivered: localhost answered 204\n")


def test_the_waits_between_attempts(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("pipeline.alerts.webhook.asyncio.sleep", note)
    receiver.answers = [503]
    failure(settings(receiver, attempts=5, backoff_seconds=2.0))
    assert waits == [2.0, 4.0, 8.0, 16.0]

    waits.clear()
    receiver.headers = {"Retry-After": "30"}
    failure(settings(receiver, attempts=3, backoff_seconds=20.0))
    assert waits == [30.0, 40.0]

    waits.clear()
    receiver.headers = {"Retry-After": "86400"}
    failure(settings(receiver, attempts=2))
    assert waits == [60.0]

    waits.clear()
    receiver.headers = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    failure(settings(receiver, attempts=2, backoff_seconds=3.0))
    assert waits == [3.0]
