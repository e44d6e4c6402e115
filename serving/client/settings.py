"""What a client is told: where the servers are, which model is meant, and how the connection is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schema.errors import ConfigurationError

MINIMUM_KEEPALIVE: Final = 300.0  # servers close connections that are pinged more often
MAXIMUM_ATTEMPTS: Final = 5  # gRPC makes no more


@dataclass(frozen=True)
class Tls:
    """Files in PEM format for an encrypted connection.

    Attributes:
        ca: certificates that the server's must be signed by; those that gRPC brings where absent.
        certificate, key: of the client, for servers that ask for them; both or none.
        server_name: that the server's certificate is made out to, where it is not the address; needed where several
            addresses are given, and then the certificates of all hold it.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError(
                "The client's certificate and its key belong together; one of the two is missing.",
                fix="name both files or none",
            )


@dataclass(frozen=True)
class ChannelSettings:
    """How the connection is kept.

    Attributes:
        attempts: at a call that finds no server, the first included; 1 to 5.
        keepalive: seconds between signs of life on a connection that waits for an answer; at least 300.
        maximum_message_bytes: of a request or an answer.
    """

    attempts: int = 4
    keepalive: float = MINIMUM_KEEPALIVE
    maximum_message_bytes: int = 128 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MAXIMUM_ATTEMPTS:
            raise ConfigurationError(
                f"A call cannot be attempted {self.attempts} times.", fix=f"choose 1 to {MAXIMUM_ATTEMPTS} attempts"
            )
        if not self.keepalive >= MINIMUM_KEEPALIVE:
            raise ConfigurationError(
                f"A keepalive of {self.keepalive:g} s is too short: servers close such connections.",
                fix=f"choose {MINIMUM_KEEPALIVE:g} s or more",
            )
        if self.maximum_message_bytes < 1:
            raise ConfigurationError("Messages cannot have less than 1 byte.", fix="choose a larger limit")


DEFAULT_CHANNEL: Final = ChannelSettings()


@dataclass(frozen=True)
class Asked:
    """The model that is asked, and where.

    Attributes:
        addresses: HOST:PORT of the servers.
        name: of the model.
        version, label: which version, by its number or by a label; where neither is given, the server chooses.
    """

    addresses: tuple[str, ...]
    name: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("The model has no name.", fix="name the model as the server does")
        if self.version is not None and self.label is not None:
            raise ConfigurationError(
                f"Both version {self.version} and label {self.label!r} are asked for.", fix="name one of the two"
            )
        if self.version is not None and self.version < 0:
            raise ConfigurationError(f"{self.version} is no version.", fix="name one as 0 or a higher number")

    @property
    def where(self) -> str:
        return ", ".join(self.addresses)

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name} (version {self.version})"
        return self.name if self.label is None else f"{self.name} (label {self.label!r})"


def asked(addresses: str | Sequence[str], name: str, version: int | None, label: str | None) -> Asked:
    """Raises ConfigurationError where no model is described by that."""
    return Asked((addresses,) if isinstance(addresses, str) else tuple(addresses), name, version, label)


def check_deadline(seconds: float) -> float:
    """Raises ConfigurationError where a call cannot have such a deadline."""
    if not 0.0 < seconds < float("inf"):
        raise ConfigurationError(
            f"A deadline of {seconds:g} s is none.", fix="choose a number of seconds above 0: every call has an end"
        )
    return seconds
