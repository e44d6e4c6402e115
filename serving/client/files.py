"""Asks for the images in files, several at a time, so that one broken file costs no other its answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schema.errors import BreastImagingError
from serving.client.answers import Prediction
from serving.client.errors import BadImageError, TooLargeError

BATCH_SIZE: Final = 16  # images
_OF_ONE_IMAGE: Final = (BadImageError, TooLargeError)  # errors by which one image costs the others their answer
_BATCH_BYTES: Final = 16 * 1024 * 1024  # a batch that has reached it gets no further image


@dataclass(frozen=True)
class PredictedFile:
    """A file that was answered."""

    path: Path
    prediction: Prediction


@dataclass(frozen=True)
class FailedFile:
    """A file that was not answered. Attributes: error: why; it does not name the file."""

    path: Path
    error: BreastImagingError


FileOutcome = PredictedFile | FailedFile

_Answer = Prediction | BreastImagingError


def predict_files(
    ask: Callable[[Sequence[bytes]], list[Prediction]], paths: Iterable[Path], batch_size: int
) -> Iterator[FileOutcome]:
    """One outcome for each file, in their order. Args: ask: for encoded images, such as `Client.predict`."""
    for batch in _read_batches(paths, batch_size):
        yield from batch.outcomes(_answers(ask, batch.images))


async def predict_files_async(
    ask: Callable[[Sequence[bytes]], Awaitable[list[Prediction]]], paths: Iterable[Path], batch_size: int
) -> AsyncIterator[FileOutcome]:
    """As `predict_files`."""
    batches = _read_batches(paths, batch_size)
    while batch := await asyncio.to_thread(next, batches, None):
        for outcome in batch.outcomes(await _answers_async(ask, batch.images)):
            yield outcome


def _answers(ask: Callable[[Sequence[bytes]], list[Prediction]], images: Sequence[bytes]) -> Sequence[_Answer]:
    if not images:
        return []
    try:
        return ask(images)
    except _OF_ONE_IMAGE as error:
        if len(images) == 1:
            return [error]
        return [answer for image in images for answer in _answers(ask, [image])]
    except BreastImagingError as error:
        return [error] * len(images)


async def _answers_async(
    ask: Callable[[Sequence[bytes]], Awaitable[list[Prediction]]], images: Sequence[bytes]
) -> Sequence[_Answer]:
    if not images:
        return []
    try:
        return await ask(images)
    except _OF_ONE_IMAGE as error:
        if len(images) == 1:
            return [error]
        return [answer for image in images for answer in await _answers_async(ask, [image])]
    except BreastImagingError as error:
        return [error] * len(images)


@dataclass(frozen=True)
class _Batch:
    """Files that were read. Attributes: read: by file, its image as PNG, or why there is none."""

    read: Sequence[tuple[Path, bytes | BadImageError]]

    @property
    def images(self) -> list[bytes]:
        return [image for _, image in self.read if isinstance(image, bytes)]

    def outcomes(self, answers: Sequence[_Answer]) -> Iterator[FileOutcome]:
        """Args: answers: one for each of `images`."""
        left = iter(answers)
        for path, image in self.read:
            answer = next(left) if isinstance(image, bytes) else image
            yield PredictedFile(path, answer) if isinstance(answer, Prediction) else FailedFile(path, answer)


def _read_batches(paths: Iterable[Path], size: int) -> Iterator[_Batch]:
    from serving.client.conversion import read_png  # the decoders take a while to import

    read: list[tuple[Path, bytes | BadImageError]] = []
    total = 0
    for path in paths:
        try:
            image: bytes | BadImageError = read_png(path)
        except BadImageError as error:
            image = error
        read.append((path, image))
        total += len(image) if isinstance(image, bytes) else 0
        if len(read) >= size or total >= _BATCH_BYTES:
            yield _Batch(read)
            read, total = [], 0
    if read:
        yield _Batch(read)
