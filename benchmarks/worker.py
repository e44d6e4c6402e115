"""Runs one benchmark in this process, for `benchmarks.process`: its messages are lines of JSON on standard output."""

import json
import os
import sys
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter

from benchmarks.figures import Figure
from benchmarks.registry import load

DOING = "doing"
FIGURES = "figures"


def main() -> None:
    module, folder = sys.argv[1:]
    messages = _own_output()

    def tell(kind: str, content: object) -> None:
        print(json.dumps({kind: content}), file=messages, flush=True)

    figures = load(module)(Path(folder), lambda what: tell(DOING, what))
    tell(FIGURES, TypeAdapter(list[Figure]).dump_python(figures, mode="json"))


def _own_output() -> TextIO:
    """Standard output for messages alone; what else is printed goes to standard error.

    It stays open until this process has ended, which is how the other side knows.
    """
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return messages


if __name__ == "__main__":
    main()
