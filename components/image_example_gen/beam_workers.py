"""Beam workers that compare near-duplicate candidates, out of a folder that all of them see."""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.image_example_gen.work_files import do_parts, write_parts
from components.near_duplicates import FileRows, Rows

BLOCKS_PER_PART: Final = 16  # some tenths of a second of work
_ROWS_AT_ONCE: Final = 1024
_BYTES_AT_ONCE: Final = 1 << 24

_Value = TypeVar("_Value", bound=np.generic)


class BeamWorkers:
    """See `components.near_duplicates.Workers`."""

    def __init__(self, make_pipeline: Callable[[], beam.Pipeline], directory: str) -> None:
        """Args: directory: an empty folder that all workers see, as large as twice the fingerprints."""
        self._make_pipeline = make_pipeline
        self._directory = directory
        self._shared = 0

    def share(self, rows: Rows[_Value], /) -> Rows[_Value]:
        nothing = rows[:0]
        if not len(rows):
            return nothing  # of which TFX's file systems make no file
        path = f"{self._directory}/rows-{self._shared}.bin"
        self._shared += 1
        with fileio.open(path, "wb") as file:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                file.write(rows[start : start + _ROWS_AT_ONCE].tobytes())
        return SharedRows(path, nothing.shape[1:], nothing.dtype, len(rows))

    def do(self, work: Callable[[int], NDArray[Any]], count: int, /) -> Iterator[NDArray[Any]]:
        ranges = ([start, min(start + BLOCKS_PER_PART, count)] for start in range(0, count, BLOCKS_PER_PART))
        parts = write_parts(ranges, self._directory)
        do_parts(self._make_pipeline, parts, self._directory, _DoBlocks(self._directory, work))
        for number in range(parts):
            with fileio.open(_result_path(self._directory, number), "rb") as file:
                yield np.load(io.BytesIO(file.read()), allow_pickle=False)


class SharedRows(Generic[_Value]):
    """Rows in a file. Whoever reads them first copies the file to a disk of its own, unless it is on one."""

    def __init__(self, path: str, shape: Sequence[int], dtype: np.dtype[_Value], count: int) -> None:
        """Args: shape: of one row; dtype: of its values; count: number of rows."""
        self._path = path
        self._shape = tuple(shape)
        self._dtype = dtype
        self._count = count
        self._opened: FileRows[_Value] | None = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: NDArray[np.intp] | slice, /) -> NDArray[_Value]:
        if self._opened is None:
            self._opened = FileRows(_on_this_machine(self._path), self._shape, self._dtype, self._count)
        return self._opened[rows]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}


@dataclass(frozen=True)
class _DoBlocks:
    """Does the work of consecutive blocks, and leaves its result in a file."""

    directory: str
    work: Callable[[int], NDArray[Any]]

    def __call__(self, number: int, blocks: list[int]) -> None:
        result = io.BytesIO()
        np.save(result, np.concatenate([self.work(block) for block in range(*blocks)]), allow_pickle=False)
        with fileio.open(_result_path(self.directory, number), "wb") as file:
            file.write(result.getvalue())


def _on_this_machine(path: str) -> io.FileIO:
    if Path(path).is_file():
        return io.FileIO(path)
    copy = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it is closed with the rows
    with fileio.open(path, "rb") as file:
        while data := file.read(_BYTES_AT_ONCE):
            copy.write(data)
    return copy


def _result_path(directory: str, number: int) -> str:
    return f"{directory}/matches-{number:06d}.npy"
