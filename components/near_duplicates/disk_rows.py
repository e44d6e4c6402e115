"""Arrays on disk that grow and are read by rows, so that what is kept of each image takes no memory.

They are read by system calls and not mapped into memory, where every row once touched would count as used.
"""

import os
import tempfile
from collections.abc import Sequence
from io import FileIO
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

_Value = TypeVar("_Value", bound=np.generic)
_Read_co = TypeVar("_Read_co", bound=np.generic, covariant=True)


class Rows(Protocol[_Read_co]):
    """What an array and `DiskRows` have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.intp] | slice, /) -> NDArray[_Read_co]: ...


class FileRows(Generic[_Value]):
    """Rows of one shape and type in an open file, one after the other from its start."""

    def __init__(self, file: FileIO, shape: Sequence[int], dtype: np.dtype[_Value], count: int) -> None:
        """Args: shape: of one row; dtype: of its values; count: number of rows in the file."""
        self._file = file
        self.shape = tuple(shape)
        self.dtype = dtype
        self._row_bytes = int(np.prod(self.shape, dtype=np.int64)) * dtype.itemsize
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> NDArray[_Value]:
        """(n, *shape): the rows at these positions, in their order. Raises IndexError for one that there is not."""
        wanted = range(*rows.indices(self._count)) if isinstance(rows, slice) else rows.tolist()
        found = np.empty((len(wanted), self._row_bytes), np.uint8)
        if isinstance(wanted, range) and wanted.step == 1:
            self._read(found.reshape(-1).data, wanted.start)
        else:
            for place, row in zip(found, wanted, strict=True):
                if not 0 <= row < self._count:
                    raise IndexError(f"row {row} of {self._count}")
                self._read(place.data, row)
        return found.view(self.dtype).reshape(len(wanted), *self.shape)

    def _read(self, place: memoryview, row: int) -> None:
        """Fills the place with what begins at this row. Raises EOFError where the file ends before."""
        position = row * self._row_bytes
        while place:
            read = os.preadv(self._file.fileno(), [place], position)
            if not read:
                raise EOFError(f"the file ends before row {self._count}")
            place, position = place[read:], position + read


class DiskRows(FileRows[_Value]):
    """Rows in a temporary file, which goes when this object goes."""

    def __init__(self, shape: Sequence[int], dtype: type[_Value]) -> None:
        """Args: shape: of one row; dtype: of its values."""
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it is closed with this object
        super().__init__(file, shape, np.dtype(dtype), 0)

    def append(self, rows: NDArray[_Value]) -> None:
        """Adds (n, *shape) at the end. Raises ValueError for another shape or type."""
        if rows.shape[1:] != self.shape or rows.dtype != self.dtype:
            raise ValueError(f"rows of {rows.dtype} {rows.shape[1:]}; expected {self.dtype} {self.shape}")
        left = memoryview(rows.tobytes())
        while left:
            left = left[self._file.write(left) :]
        self._count += len(rows)
