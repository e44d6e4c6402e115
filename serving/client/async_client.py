"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from serving.client import files, questions
from serving.client.answers import Explanation, Prediction, VersionStatus
from serving.client.asking import ask_async
from serving.client.channels import open_async_channel
from serving.client.files import FileOutcome
from serving.client.questions import Question
from serving.client.settings import DEFAULT_CHANNEL, ChannelSettings, Tls, asked, check_deadline
from serving.client.waiting import NOT_YET, Waiting

T = TypeVar("T")


class AsyncClient:
    """As `Client`, for asyncio: made, used and closed within one event loop."""

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
        """Arguments and errors are those of `Client`."""
        self._asked = asked(addresses, model, version, label)
        self._deadline = check_deadline(deadline)
        self._channel = open_async_channel(self._asked.addresses, tls, channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._channel.close()

    async def predict(self, images: Sequence[bytes]) -> list[Prediction]:
        """As `Client.predict`."""
        return await self._ask(questions.predict(self._asked, images)) if images else []

    async def explain(self, images: Sequence[bytes]) -> list[Explanation]:
        """As `Client.explain`."""
        return await self._ask(questions.explain(self._asked, images)) if images else []

    def predict_files(
        self, paths: Iterable[Path], *, batch_size: int = files.BATCH_SIZE
    ) -> AsyncIterator[FileOutcome]:
        """As `Client.predict_files`; files are read and converted in a thread."""
        return files.predict_files_async(self.predict, paths, batch_size)

    async def status(self) -> tuple[VersionStatus, ...]:
        """As `Client.status`."""
        return await self._ask(questions.status(self._asked))

    async def wait_until_available(self, limit: float = 60.0) -> int:
        """As `Client.wait_until_available`."""
        waiting = Waiting(limit)
        while True:
            try:
                return await self._ask(questions.served_version(self._asked), waiting.call_limit)
            except NOT_YET as error:
                await asyncio.sleep(waiting.pause(self._asked, error))

    async def _ask(self, question: Question[T], limit: float = float("inf")) -> T:
        return await ask_async(self._channel, question, self._asked, min(self._deadline, limit))
