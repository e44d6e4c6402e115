"""Hands each worker its part of the work in a file.

As elements of a Beam collection, all parts would lie in memory, several times over, until the last one is done.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
from tfx.dsl.io import fileio

_NAME: Final = "work"


def do_parts(
    make_pipeline: Callable[[], beam.Pipeline], parts: Iterable[Any], directory: str, work: Callable[[int, Any], None]
) -> int:
    """Has Beam workers do all parts, in any order.

    Args:
        parts: of values that JSON knows.
        directory: a folder that all workers see; one file for each part is written there.
        work: does one part, given its number and the part. It must be picklable.

    Returns:
        How many parts there were.
    """
    count = 0
    for number, part in enumerate(parts):
        write_json(_path(directory, number), part)
        count = number + 1
    with make_pipeline() as pipeline:
        # Create spreads its elements over the workers, as Reshuffle would.
        _ = pipeline | beam.Create(range(count)) | beam.ParDo(_DoPart(directory, work))
    return count


def write_json(path: str, value: Any) -> None:
    with fileio.open(path, "wb") as file:
        file.write(json.dumps(value).encode())


def read_json(path: str) -> Any:
    with fileio.open(path, "rb") as file:
        return json.loads(file.read())


class _DoPart(beam.DoFn):
    def __init__(self, directory: str, work: Callable[[int, Any], None]) -> None:
        self._directory = directory
        self._work = work

    def process(self, number: int) -> Iterator[None]:
        self._work(number, read_json(_path(self._directory, number)))
        yield from ()


def _path(directory: str, number: int) -> str:
    return f"{directory}/{_NAME}-{number:06d}.json"
