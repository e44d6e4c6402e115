"""One server, as whoever releases models sees it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import grpc

from serving.client import questions
from serving.client.answers import State, VersionStatus
from serving.client.asking import ask
from serving.client.channels import open_channel
from serving.client.errors import ClientError, NoSuchModelError
from serving.client.failures import to_error
from serving.client.settings import DEFAULT_CHANNEL, Asked, Tls, check_deadline
from serving.wire import messages_pb2 as wire
from serving.wire.methods import RELOAD_CONFIG

_REFUSALS: Final = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNKNOWN,
}


class ConfigRefusedError(ClientError):
    """The server did not take a configuration over."""


class ModelServer:
    """Use as a context manager, or close it.

    Attributes:
        address: HOST:PORT of one server; a name that stands for several would reach any one of them.
    """

    def __init__(self, address: str, model: str, deadline: float, tls: Tls | None) -> None:
        """Args: deadline: seconds in which a call ends. Raises ConfigurationError as `Client` does."""
        self.address = address
        self._asked = Asked((address,), model)
        self._deadline = check_deadline(deadline)
        self._channel = open_channel([address], tls, DEFAULT_CHANNEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def reload(self, config: wire.ModelServerConfig, limit: float) -> None:
        """Has the server take a configuration over, of all its models.

        Args:
            limit: seconds: a server may load a model before it answers.

        Raises ConfigRefusedError where it does not, and other ClientErrors where it does not answer.
        """
        try:
            response = RELOAD_CONFIG.of(self._channel)(wire.ReloadConfigRequest(config=config), timeout=limit)
        except grpc.RpcError as error:
            if error.code() not in _REFUSALS:
                raise to_error(error, self._asked) from error
            raise self._refused(error.details()) from error
        if response.status.error_code != wire.OK:
            raise self._refused(response.status.error_message)

    def versions(self) -> Mapping[int, VersionStatus]:
        """All that the server knows of, by number. Raises ClientError where it does not answer."""
        try:
            known = ask(self._channel, questions.status(self._asked), self._asked, self._deadline)
        except NoSuchModelError:
            return {}
        return {status.version: status for status in known}

    def available(self) -> set[int]:
        return {number for number, status in self.versions().items() if status.state is State.AVAILABLE}

    def labelled(self, label: str) -> int | None:
        """The version that has a label; None where none has. Raises as `versions` does."""
        asked = Asked(self._asked.addresses, self._asked.name, label=label)
        try:
            return ask(self._channel, questions.served_version(asked), asked, self._deadline)
        except NoSuchModelError:
            return None

    def _refused(self, reason: str | None) -> ConfigRefusedError:
        return ConfigRefusedError(
            f"{self.address} does not take the configuration over.",
            fix="see the reason, and the server's log",
            reasons=[reason] if reason else [],
        )
