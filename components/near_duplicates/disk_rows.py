"""Arrays on disk that grow and are read by rows, so that what is kept of each image takes no memory.

They are read by system calls and not mapped into memory, where every row once touched would count as used.
"""

import os
import tempfile
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

_Value = TypeVar("_Value", bound=np.generic)
_Read_co = TypeVar("_Read_co", bound=np.generic, covariant=True)


class Rows(Protocol[_Read_co]):
    """What an array and `DiskRows` have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.intp] | slice, /) -> NDArray[_Read_co]: ...


class DiskRows(Generic[_Value]):
    """Rows of one shape and type in a temporary file, which goes when this object goes."""

    def __init__(self, shape: Sequence[int], dtype: type[_Value]) -> None:
        """Args: shape: of one row; dtype: of its values."""
        self._shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self._row_bytes = int(np.prod(self._shape, dtype=np.int64)) * self._dtype.itemsize
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it is closed with this object
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, rows: NDArray[_Value]) -> None:
        """Adds (n, *shape) at the end. Raises ValueError for another shape or type."""
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(f"rows of {rows.dtype} {rows.shape[1:]}; expected {self._dtype} {self._shape}")
        left = memoryview(rows.tobytes())
        while left:
            left = left[self._file.write(left) :]
        self._count += len(rows)

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> NDArray[_Value]:
        """(n, *shape): the rows at these positions, in their order. Raises IndexError for one that there is not."""
        wanted = range(*rows.indices(self._count)) if isinstance(rows, slice) else rows.tolist()
        found = np.empty((len(wanted), self._row_bytes), np.uint8)
        descriptor = self._file.fileno()
        for place, row in zip(found, wanted, strict=True):
            if not 0 <= row < self._count:
                raise IndexError(f"row {row} of {self._count}")
            os.preadv(descriptor, [place.data], row * self._row_bytes)
        return found.view(self._dtype).reshape(len(wanted), *self._shape)
