"""Keeps the encoded images between the two passes, so that no file is decoded twice.

One file for each batch of the first pass, written by one worker; the second pass reads single images out of it.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import IO, Final, Protocol, overload

from tfx.dsl.io import fileio

from components.image_example_gen.whole_files import whole_file
from schema.images.formats import CanonicalImage, encode_image

_NOWHERE: Final = (-1, -1, -1)


@dataclass(frozen=True, slots=True)
class Location:
    """Where an image lies: number of the batch, first byte, number of bytes."""

    batch: int
    start: int
    length: int


class Locations(Sequence[Location | None]):
    """Where images lie, in 24 bytes each; None for a file that gave no image."""

    def __init__(self, locations: Iterable[Location | None] = ()) -> None:
        self._numbers = array("q")
        for location in locations:
            self.append(location)

    def append(self, location: Location | None) -> None:
        self._numbers.extend(_NOWHERE if location is None else astuple(location))

    def __len__(self) -> int:
        return len(self._numbers) // len(_NOWHERE)

    @overload
    def __getitem__(self, position: int) -> Location | None: ...

    @overload
    def __getitem__(self, position: slice) -> "Locations": ...

    def __getitem__(self, position: int | slice) -> "Location | Locations | None":
        if isinstance(position, slice):
            return Locations(self[number] for number in range(*position.indices(len(self))))
        start = range(len(self))[position] * len(_NOWHERE)
        numbers = tuple(self._numbers[start : start + len(_NOWHERE)])
        return None if numbers == _NOWHERE else Location(*numbers)


class Batch(Protocol):
    """Takes the images of one batch."""

    def add(self, image: CanonicalImage) -> Location: ...


class ImageStore:
    """A folder of images, encoded as PNG or in another way."""

    def __init__(self, directory: str, encode: Callable[[CanonicalImage], bytes] = encode_image) -> None:
        self._directory = directory
        self._encode = encode

    @contextmanager
    def open_batch(self, number: int) -> Iterator[Batch]:
        """The images are there when the block has ended without an error."""
        path = self._path(number)
        with whole_file(path, self._directory) as partial, fileio.open(partial, "wb") as file:
            file.write(b"")  # only now is there a file, which a batch without images has too
            yield _StoredBatch(file, number, self._encode)

    def read(self, location: Location) -> bytes:
        """One encoded image."""
        with fileio.open(self._path(location.batch), "rb") as file:
            file.seek(location.start)
            data: bytes = file.read(location.length)
            return data

    def _path(self, number: int) -> str:
        return f"{self._directory}/images-{number:06d}.bin"


class NoStore:
    """Keeps nothing: for looking at data without ingesting them."""

    @contextmanager
    def open_batch(self, number: int) -> Iterator[Batch]:
        yield _ForgottenBatch(number)


class _StoredBatch:
    def __init__(self, file: IO[bytes], number: int, encode: Callable[[CanonicalImage], bytes]) -> None:
        self._encode = encode
        self._file = file
        self._number = number
        self._end = 0

    def add(self, image: CanonicalImage) -> Location:
        data = self._encode(image)
        self._file.write(data)
        location = Location(self._number, self._end, len(data))
        self._end += len(data)
        return location


class _ForgottenBatch:
    def __init__(self, number: int) -> None:
        self._number = number

    def add(self, image: CanonicalImage) -> Location:
        return Location(self._number, 0, 0)
