"""What to tell, and where to."""

import ipaddress
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from components.settings import Settings
from pipeline.retraining.record import Action
from pipeline.secret import SecretReference

LOCALHOST: Final = "localhost"

Seconds = Annotated[float, Field(gt=0.0, le=600.0)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,100}$")]


def check_url(url: str) -> str:
    """The address of a webhook. Raises ValueError, which does not repeat it: it may hold a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None  # to ask for the port checks that it is one
    except ValueError:  # which may repeat it
        host = None
    if not host:
        raise ValueError("the address of the webhook is no URL; write it as https://HOST/PATH")
    if parts.username or parts.password:
        raise ValueError("the address of the webhook holds a password; use header_name and header_value_from")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local(host)):
        raise ValueError("the address of the webhook must begin with https:// (http:// to this machine only)")
    return url


def is_local(host: str) -> bool:
    """Whether it can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOCALHOST


def _check_given_url(url: str) -> str:
    return check_url(url) if url else url


class WebhookSettings(Settings):
    """An address that alerts are posted to.

    Attributes:
        url: https, or http to this machine.
        url_from: where the address is, for one that is a secret itself, such as Slack's; instead of `url`.
        format: `record`, the whole payload, or `text`, the `{"text": ...}` that chat programs take.
        header_name: a header to send, such as Authorization.
        header_value_from: where its value is.
        signing_key_from: where the key is that bodies are signed with; empty signs nothing.
        timeout_seconds: of one attempt, from connecting to the answer.
        attempts: how often an alert is tried where the server is not there, overloaded or broken.
        backoff_seconds: before the second attempt; doubled before each further one.
    """

    url: Annotated[str, AfterValidator(_check_given_url), Field(repr=False)] = ""
    url_from: SecretReference = ""
    format: Literal["record", "text"] = "record"
    header_name: HeaderName = ""
    header_value_from: SecretReference = ""
    signing_key_from: SecretReference = ""
    timeout_seconds: Seconds = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    backoff_seconds: Annotated[float, Field(ge=0.0, le=60.0)] = 1.0

    @model_validator(mode="after")
    def _check_pairs(self) -> "WebhookSettings":
        if self.url and self.url_from:
            raise ValueError("url and url_from are both given; keep one")
        if bool(self.header_name) != bool(self.header_value_from):
            raise ValueError("header_name and header_value_from go together")
        if (self.header_name or self.signing_key_from) and not self.is_set:
            raise ValueError("there is no address; give url or url_from")
        return self

    @property
    def is_set(self) -> bool:
        return bool(self.url or self.url_from)

    def secret_references(self) -> list[str]:
        references = (self.url_from, self.header_value_from, self.signing_key_from)
        return [reference for reference in references if reference]


class AlertSettings(Settings):
    """Which decisions of a retraining are told of, and to whom; nobody where neither command nor webhook is given.

    Attributes:
        events: the decisions told of. (Not `on`, which YAML takes for a truth value.)
        command: a program and its arguments, run without a shell, which gets the payload on its standard input.
        command_timeout_seconds: after them, the program and what it started are killed.
    """

    events: tuple[Action, ...] = ("failed", "rejected", "span_refused", "published")
    command: Annotated[tuple[str, ...], Field(repr=False)] = ()
    command_timeout_seconds: Seconds = 30.0
    webhook: WebhookSettings = WebhookSettings()

    @model_validator(mode="after")
    def _check_command(self) -> "AlertSettings":
        if any("\0" in word for word in self.command) or (self.command and not self.command[0]):
            raise ValueError("command must begin with a program, and hold no NUL characters")
        return self
