"""Hands each worker its part of the work in a file.

As elements of a Beam collection, all parts would lie in memory, several times over, until the last one is done.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
from tfx.dsl.io import fileio

from components.image_example_gen.whole_files import whole_file

_NAME: Final = "work"


def write_parts(parts: Iterable[Any], directory: str) -> int:
    """Writes one file for each part.

    Args:
        parts: of values that JSON knows.
        directory: a folder that all workers see.

    Returns:
        How many parts there were.
    """
    count = 0
    for number, part in enumerate(parts):
        write_json(_path(directory, number), part)
        count = number + 1
    return count


def do_parts(
    make_pipeline: Callable[[], beam.Pipeline], count: int, directory: str, work: Callable[[int, Any], None]
) -> None:
    """Has Beam workers do the parts that were written into a folder, in any order.

    Args:
        count: number of parts.
        directory: that of `write_parts`.
        work: does one part, given its number and the part. It must be picklable.
    """
    with make_pipeline() as pipeline:
        # Create spreads its elements over the workers, as Reshuffle would.
        _ = pipeline | beam.Create(range(count)) | beam.ParDo(_DoPart(directory, work))


def write_json(path: str, value: Any) -> None:
    """In one step: whoever reads it reads all of it."""
    with whole_file(path, os.path.dirname(path)) as partial, fileio.open(partial, "wb") as file:
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
