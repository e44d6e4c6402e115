"""Cold start of the command line, against a Python that does nothing and against the half second asked for."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import AtMost, Figure, Progress, figure_of
from benchmarks.measuring import alternate, median_seconds, ratios

REPETITIONS = 9
HELP = (sys.executable, "-c", "from pipeline.cli.main import main; main()", "--help")
NOTHING = (sys.executable, "-c", "pass")
TARGET_SECONDS = 0.5


def measure(work: Path, report: Progress) -> list[Figure]:
    _run(HELP)  # which may have to compile modules
    costs = alternate({"help": lambda: _run(HELP), "python": lambda: _run(NOTHING)}, REPETITIONS, report)
    help_seconds, python_seconds = ([cost.seconds for cost in costs[way]] for way in ("help", "python"))
    raw = {
        "help_seconds": median_seconds(costs["help"]),
        "python_seconds": median_seconds(costs["python"]),
    }
    return [
        figure_of(
            "command_line", "breast-imaging --help / python -c pass", ratios(help_seconds, python_seconds), raw
        ),
        figure_of(
            "command_line",
            f"breast-imaging --help / {TARGET_SECONDS} s",
            [seconds / TARGET_SECONDS for seconds in help_seconds],
            raw,
            AtMost(1.0),
        ),
    ]


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
