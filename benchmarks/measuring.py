"""Time, processor time and memory of a piece of work, and several ways of doing the same by turns."""

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from benchmarks.figures import Progress

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """Attributes: seconds: by the clock; processor_seconds: of this process and of children that have ended."""

    seconds: float
    processor_seconds: float


@dataclass(frozen=True)
class ProcessCost(Cost):
    """Attributes: peak_mib: resident memory of the process at most, until the work was done."""

    peak_mib: float


def cost_of(work: Callable[[], object]) -> Cost:
    started, processor = time.perf_counter(), _processor_seconds()
    work()
    return Cost(time.perf_counter() - started, _processor_seconds() - processor)


def alternate(ways: Mapping[str, Callable[[], object]], repetitions: int, report: Progress) -> dict[str, list[Cost]]:
    """Does the work in all ways by turns, since the speed of a machine drifts. Returns each way's repetitions."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for repetition in range(1, repetitions + 1):
        for name, work in ways.items():
            report(f"{name}, {repetition} of {repetitions}")
            costs[name].append(cost_of(work))
    return costs


def ratios(costs: Sequence[float], others: Sequence[float]) -> list[float]:
    """Of each repetition to the other way's next to it."""
    return [cost / other for cost, other in zip(costs, others, strict=True)]


def median_seconds(costs: Sequence[Cost]) -> float:
    return median(cost.seconds for cost in costs)


def process_cost_of(work: Callable[[], object]) -> ProcessCost:
    """Of work in this process, whose peak may be that of what it did before."""
    cost = cost_of(work)
    return ProcessCost(cost.seconds, cost.processor_seconds, peak_mib())


def in_new_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """What a module's own function returns in a process that has done nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_mib() -> float:
    """Resident memory of this process at most, in MiB.

    `ru_maxrss` is no less than what the parent had when it started this process, so the kernel is asked otherwise.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kibibytes) / 1024


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
