"""Measures this project, each figure as a ratio within one run, and prints one table.

    python -m benchmarks --json bench.json
    python -m benchmarks --only ingestion transform

A target that is not met is a line of the table, and no failure. Ctrl-C, or SIGTERM, keeps what is measured by then.

Exit codes: 0 all measured, 1 a benchmark failed or the run was interrupted, 4 no such benchmark, or no such folder
for the JSON.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.process import run_benchmark
from benchmarks.registry import BENCHMARKS, describe, select
from benchmarks.results import Measurement, Results, describe_run, new_results
from benchmarks.table import figures_table, table_console
from pipeline.json_file import write_json
from schema.errors import EXIT_FAILED, BreastImagingError


def main(arguments: Sequence[str] | None = None, benchmarks: Mapping[str, str] = BENCHMARKS) -> int:
    """Runs the command; returns its exit code.

    Args:
        benchmarks: the modules of those that there are, by their names.
    """
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these alone")
    parser.add_argument("--list", action="store_true", help="name the benchmarks, and measure nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, after each benchmark anew")
    options = parser.parse_args(arguments)
    console = table_console()
    if options.list:
        for name, module in benchmarks.items():
            console.print(f"{name:<16}{describe(module)}", highlight=False, soft_wrap=True, markup=False)
        return 0
    try:
        return _run(select(options.only, benchmarks), options.json, console)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _run(selected: Mapping[str, str], json_file: Path | None, console: Console) -> int:
    results = new_results()
    try:
        _measure_all(selected, results, json_file, console)
    except KeyboardInterrupt:
        left = [name for name in selected if name not in {found.name for found in results.measurements}]
        console.print(f"Interrupted. What was measured is kept; not measured: {', '.join(left)}", soft_wrap=True)
    console.print(describe_run(results), highlight=False, soft_wrap=True)
    console.print(figures_table(results.figures))
    for measurement in results.failures:
        console.print(measurement.failure, style="red", markup=False, highlight=False, soft_wrap=True)
    return 0 if results.complete and not results.failures else EXIT_FAILED


def _measure_all(selected: Mapping[str, str], results: Results, json_file: Path | None, console: Console) -> None:
    """Appends to the results, and keeps the file up to date."""
    _keep(results, json_file)  # before anything is measured, so that a wrong name costs nothing
    for number, (name, module) in enumerate(selected.items(), start=1):
        results.measurements.append(_measure(name, module, f"{number} of {len(selected)}, {name}", console))
        results.complete = number == len(selected)
        _keep(results, json_file)


def _keep(results: Results, json_file: Path | None) -> None:
    if json_file:
        write_json(results, json_file)


def _measure(name: str, module: str, title: str, console: Console) -> Measurement:
    started = time.perf_counter()
    found = Measurement(name=name, seconds=0.0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, console.status(f"{title}: starting") as status:
        try:
            found.figures = run_benchmark(
                module, Path(folder), lambda doing: status.update(f"{title}: {escape(doing)}")
            )
        except BreastImagingError as error:
            found.failure = str(error)
    found.seconds = time.perf_counter() - started
    console.print(f"{title}: {'failed' if found.failure else 'done'} in {found.seconds:.0f} s", highlight=False)
    return found


def take_sigterm_for_ctrl_c() -> None:
    """For a process of this command alone, so that it ends its benchmark's processes however it is ended.

    Ctrl-C too, since a shell's background jobs ignore it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    take_sigterm_for_ctrl_c()
    sys.exit(main())
