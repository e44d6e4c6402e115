"""The benchmarks that `make bench` runs, in their order."""

import ast
import difflib
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from benchmarks.figures import Figure, Progress
from schema.errors import ConfigurationError

Measure = Callable[[Path, Progress], list[Figure]]
"""Measures in a folder of its own, which is empty, and tells what it does meanwhile."""

# Each module has a function `measure`; a test holds this list against the files.
BENCHMARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "command_line": "benchmarks.command_line",
        "client_import": "benchmarks.client_import",
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


def select(names: Sequence[str], benchmarks: Mapping[str, str]) -> dict[str, str]:
    """These benchmarks in their own order; all for none. Raises ConfigurationError for a name that is not there."""
    for name in names:
        if name not in benchmarks:
            near = difflib.get_close_matches(name, benchmarks, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigurationError(
                f"There is no benchmark {name!r}.", fix=f"{hint}benchmarks: {', '.join(benchmarks)}"
            )
    return {name: module for name, module in benchmarks.items() if name in names or not names}


def describe(module: str) -> str:
    """What a benchmark measures: the first line of its module, which is not imported for it."""
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8"))) or "").partition("\n")[0]


def load(module: str) -> Measure:
    """The function that measures. Imports the module, and with it whatever that needs."""
    measure: Measure = importlib.import_module(module).measure
    return measure
