"""The client."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from serving.client import files, questions
from serving.client.answers import Explanation, Prediction, VersionStatus
from serving.client.asking import ask
from serving.client.channels import open_channel
from serving.client.files import FileOutcome
from serving.client.questions import Question
from serving.client.settings import DEFAULT_CHANNEL, ChannelSettings, Tls, asked, check_deadline
from serving.client.waiting import NOT_YET, Waiting

T = TypeVar("T")


class Client:
    """Asks one model on one server or several equal ones, in turn. Use as a context manager, or close it.

    Threads may share a client. Methods raise subclasses of ClientError.
    """

    def __init__(
        self,
        addresses: str | Sequence[str],
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        deadline: float = 10.0,
        tls: Tls | None = None,
        channel: ChannelSettings = DEFAULT_CHANNEL,
    ) -> None:
        """Args:
        addresses: HOST:PORT of the gRPC port, or several. One name stands for all addresses that DNS gives it.
        model: its name on the server.
        version, label: which version is asked; with neither, the server takes the highest that it has loaded.
        deadline: seconds in which a call ends, all attempts included.
        tls: how the connection is encrypted; it is not where absent.

        Raises ConfigurationError for arguments that cannot be meant. Nothing is sent yet.
        """
        self._asked = asked(addresses, model, version, label)
        self._deadline = check_deadline(deadline)
        self._channel = open_channel(self._asked.addresses, tls, channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def predict(self, images: Sequence[bytes]) -> list[Prediction]:
        """One prediction for each encoded image (PNG, JPEG, BMP), asked for together."""
        return self._ask(questions.predict(self._asked, images)) if images else []

    def explain(self, images: Sequence[bytes]) -> list[Explanation]:
        """As `predict`, with heat maps."""
        return self._ask(questions.explain(self._asked, images)) if images else []

    def predict_files(self, paths: Iterable[Path], *, batch_size: int = files.BATCH_SIZE) -> Iterator[FileOutcome]:
        """One outcome for each file, in their order: its prediction, or why it has none. Raises no ClientError.

        Every file is read and converted to PNG as ingestion does it: DICOM, TIFF and PGM may be among them.

        Args:
            batch_size: images that are sent together, where they are not large.
        """
        return files.predict_files(self.predict, paths, batch_size)

    def status(self) -> tuple[VersionStatus, ...]:
        """The versions that the server knows, ascending; that which was asked for alone, where it was by number."""
        return self._ask(questions.status(self._asked))

    def wait_until_available(self, limit: float = 60.0) -> int:
        """Waits until the model answers, and returns the version that does.

        Raises NotAvailableError after `limit` seconds, and other errors at once where waiting does not help or is not
        asked for (0 seconds).
        """
        waiting = Waiting(limit)
        while True:
            try:
                return self._ask(questions.served_version(self._asked), waiting.call_limit)
            except NOT_YET as error:
                time.sleep(waiting.pause(self._asked, error))

    def _ask(self, question: Question[T], limit: float = float("inf")) -> T:
        return ask(self._channel, question, self._asked, min(self._deadline, limit))
