"""Work on all cores at once. What takes the time is in libraries that other threads need not wait for."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

AHEAD: Final = 4  # parts for each thread

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def in_threads(work: Callable[[_Part], _Result], parts: Iterable[_Part]) -> Iterator[_Result]:
    """What `work` makes of each part, in their order. Raises what it raises.

    Few parts are taken ahead, so that neither they nor the results fill the memory.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[_Result]] = deque()
        for part in parts:
            ahead.append(pool.submit(work, part))
            if len(ahead) >= AHEAD * threads:
                yield ahead.popleft().result()
        for future in ahead:
            yield future.result()
