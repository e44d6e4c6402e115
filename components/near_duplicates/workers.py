"""Who compares the candidates of a search: the threads of this process, or workers elsewhere."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.disk_rows import Rows
from components.near_duplicates.threads import in_threads

_Value = TypeVar("_Value", bound=np.generic)


class Workers(Protocol):
    """Do numbered parts of work, and read the rows that are shared with them."""

    def share(self, rows: Rows[_Value], /) -> Rows[_Value]:
        """The same rows, where each worker can read them."""
        ...

    def do(self, work: Callable[[int], NDArray[Any]], count: int, /) -> Iterator[NDArray[Any]]:
        """What the work makes of 0 to count - 1, in this order; a worker may put neighbours together in one array.

        Args:
            work: picklable, if the rows that are shared are. Of one type, and concatenated along the first axis.
        """
        ...


class _Threads:
    def share(self, rows: Rows[_Value], /) -> Rows[_Value]:
        return rows

    def do(self, work: Callable[[int], NDArray[Any]], count: int, /) -> Iterator[NDArray[Any]]:
        return in_threads(work, range(count))


THREADS: Final[Workers] = _Threads()
