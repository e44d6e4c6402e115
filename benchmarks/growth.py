"""How processor time and memory grow as the data grow 10 and 100 times.

    python -m benchmarks.growth --images 1000 --json growth.json

Of ingestion, Transform and the search for near-duplicates, on n, 10 n and 100 n small images. A step's fixed part
would make any cost look flat, so the exponent is that of what comes on top of it.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import near_duplicates
from benchmarks.figures import AtMost, Figure, Progress, figure_of
from benchmarks.ingestion import generate
from benchmarks.measuring import ProcessCost, in_new_process, process_cost_of
from schema.errors import BreastImagingError

IMAGES, SIDE, REPETITIONS = 100, 64, 2
FACTORS = (1, 10, 100)
TIMES = (3, 3, 1)  # that a step runs on each: of few images, its fixed part varies by more than they cost
LARGEST_EXPONENT = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help="n, the smallest number")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure_from(arguments.images, Path(folder), lambda doing: print(doing, flush=True))
    for figure in figures:
        print(f"{figure.what}: {figure.ratio:.2f} ({figure.least:.2f} to {figure.most:.2f})")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2))


def measure(work: Path, report: Progress) -> list[Figure]:
    return measure_from(IMAGES, work, report)


def measure_from(images: int, work: Path, report: Progress) -> list[Figure]:
    """Args: images: n, the smallest number."""
    sizes = [factor * images for factor in FACTORS]
    for size in sizes:
        report(f"making {size} images")
        generate(work / str(size) / "data", size, SIDE)
    costs: dict[str, list[list[ProcessCost]]] = {"ingestion": [], "Transform": [], "near-duplicates": []}
    for repetition in range(1, REPETITIONS + 1):
        of = f"of {sizes[0]} to {sizes[-1]} images, {repetition} of {REPETITIONS}"
        report(f"ingestion {of}")
        costs["ingestion"].append(in_new_process(_costs_of_step, "ImageExampleGen", sizes, work))
        report(f"Transform {of}")
        costs["Transform"].append(in_new_process(_costs_of_step, "Transform", sizes, work))
        report(f"near-duplicates {of}")
        costs["near-duplicates"].append(_costs_of_search(sizes, work))
    return summarize(sizes, costs)


def summarize(sizes: Sequence[int], costs: Mapping[str, Sequence[Sequence[ProcessCost]]]) -> list[Figure]:
    """Args: costs: by what was measured, for each repetition that of each size."""
    return [
        *(_time(what, sizes, runs) for what, runs in costs.items()),
        *(_memory(what, sizes, runs) for what, runs in costs.items()),
    ]


def exponent(costs: Sequence[float]) -> float:
    """The p of a cost c + a * n ** p at n, 10 n and 100 n, whatever the fixed part c.

    Raises BreastImagingError where the cost does not grow with n: then it is all fixed part and noise.
    """
    small, medium, large = costs
    if not small < medium < large:
        shown = ", ".join(f"{cost:.3g}" for cost in costs)
        raise BreastImagingError(
            f"These costs tell no exponent, since they do not grow with the data: {shown}.",
            fix="measure larger numbers: python -m benchmarks.growth --images N",
        )
    return math.log10((large - medium) / (medium - small))


def _time(what: str, sizes: Sequence[int], runs: Sequence[Sequence[ProcessCost]]) -> Figure:
    seconds = [[cost.processor_seconds for cost in run] for run in runs]
    raw = {f"{size}_processor_seconds": median(column) for size, column in zip(sizes, _columns(seconds), strict=True)}
    what = f"exponent of the processor time of {what}, {sizes[0]} to {sizes[-1]} images"
    return figure_of("growth", what, [exponent(run) for run in seconds], raw, AtMost(LARGEST_EXPONENT))


def _memory(what: str, sizes: Sequence[int], runs: Sequence[Sequence[ProcessCost]]) -> Figure:
    peaks = [[cost.peak_mib for cost in run] for run in runs]
    raw = {f"{size}_mib": median(column) for size, column in zip(sizes, _columns(peaks), strict=True)}
    what = f"peak memory of {what}, {sizes[-1]} images / {sizes[0]}"
    return figure_of("growth", what, [run[-1] / run[0] for run in peaks], raw)


def _columns(rows: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    return list(zip(*rows, strict=True))


def _costs_of_step(step: str, sizes: Sequence[int], work: Path) -> list[ProcessCost]:
    """Of one step on sets of growing size, in this process, so that each peak is that of the largest until then."""
    from benchmarks.steps import ready_step, run_steps, small_config

    config, folders = small_config(), [work / str(size) for size in sizes]
    for folder in folders:
        run_steps(["ImportSchemaGen"], config, folder / "data", folder)
    works = [ready_step(step, config, folder / "data", folder) for folder in folders]
    works[0]()  # a first time costs what no later one does
    return [_median_cost(work, times) for work, times in zip(works, TIMES, strict=True)]


def _median_cost(work: Callable[[], object], times: int) -> ProcessCost:
    costs = [process_cost_of(work) for _ in range(times)]
    return ProcessCost(
        seconds=median(cost.seconds for cost in costs),
        processor_seconds=median(cost.processor_seconds for cost in costs),
        peak_mib=costs[-1].peak_mib,
    )


def _costs_of_search(sizes: Sequence[int], work: Path) -> list[ProcessCost]:
    """Of the search alone, without fingerprints; each size in a process of its own."""
    file = work / "near_duplicates.json"
    near_duplicates.main([*map(str, sizes), "--json", str(file)])
    rows: list[dict[str, Any]] = json.loads(file.read_text())["results"]
    return [ProcessCost(row["search_seconds"], row["search_cpu_seconds"], row["peak_mib"]) for row in rows]


if __name__ == "__main__":
    main()
