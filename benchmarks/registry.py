"""The benchmarks that `make bench` runs, in their order."""

import ast
import difflib
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from benchmarks.figures import Figure, Progress
from schema.errors import ConfigurationError

Measure = Callable[[Path, Progress], list[Figure]]
"""Measures in a folder of its own, which is empty, and tells what it does meanwhile."""

# Each module has a function `measure`; a test holds this list against the files.
BENCHMARKS: Final = MappingProxyType(
    {
        "command_line": "benchmarks.command_line",
        "ingestion": "benchmarks.ingestion",
        "transform": "benchmarks.transform",
        "training_step": "benchmarks.training_step",
        "features": "benchmarks.features",
        "serving": "benchmarks.serving",
        "memory": "benchmarks.memory",
        "growth": "benchmarks.growth",
        "overhead": "benchmarks.overhead",
        "peer": "benchmarks.peer",
    }
)


def select(names: Sequence[str]) -> list[str]:
    """These benchmarks in the registry's order; all for none. Raises ConfigurationError for a name not there."""
    for name in names:
        if name not in BENCHMARKS:
            near = difflib.get_close_matches(name, BENCHMARKS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(
                f"There is no benchmark {name!r}.", fix=f"{hint}benchmarks: {', '.join(BENCHMARKS)}"
            )
    return [name for name in BENCHMARKS if name in names or not names]


def describe(name: str) -> str:
    """What a benchmark measures, in a sentence: the first of its module, which is not imported for it."""
    origin = Path(__file__).with_name(f"{BENCHMARKS[name].rpartition('.')[2]}.py")
    return (ast.get_docstring(ast.parse(origin.read_text("utf-8"))) or "").partition("\n")[0]


def load(name: str) -> Measure:
    """The function that measures. Imports its module, and with it whatever that needs."""
    measure: Measure = importlib.import_module(BENCHMARKS[name]).measure
    return measure
