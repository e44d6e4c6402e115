"""What a run of the benchmarks found, on what machine, as JSON."""

import os
import platform
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil
from pydantic import BaseModel

from benchmarks.figures import Figure
from pipeline.commit import current_commit

PACKAGES: Final = (
    "apache-beam",
    "grpcio",
    "keras",
    "ml-metadata",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "tensorflow",
    "tensorflow-transform",
    "tfx",
)


class Machine(BaseModel):
    """Attributes: cores: that this process may use; load: processes that ran or waited in the minute before."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    load: float


class Measurement(BaseModel):
    """One benchmark. Attributes: seconds: of all of it; failure: why there are no figures; empty where there are."""

    name: str
    seconds: float
    figures: list[Figure] = []
    failure: str = ""


class Results(BaseModel):
    """One run.

    Attributes:
        started: with its time zone.
        commit: of the code; empty where it is not known.
        versions: of Python and of the packages that take the time.
        complete: whether all that was asked for has been measured.
    """

    machine: Machine
    started: datetime
    commit: str
    versions: dict[str, str]
    complete: bool = False
    measurements: list[Measurement] = []

    @property
    def failures(self) -> list[Measurement]:
        return [measurement for measurement in self.measurements if measurement.failure]

    @property
    def figures(self) -> list[Figure]:
        return [figure for measurement in self.measurements for figure in measurement.figures]


def describe_run(results: Results) -> str:
    """When, where and of what code, in a line."""
    machine, date = results.machine, results.started.strftime("%Y-%m-%d %H:%M %Z")
    where = f"{machine.cores} cores of {machine.processor}, {machine.memory_gib} GiB, load before {machine.load:.1f}"
    code = f"Python {results.versions['python']}, commit {results.commit[:12] or 'unknown'}"
    minutes = sum(measurement.seconds for measurement in results.measurements) / 60
    return f"{date}; {where}; {code}; {minutes:.0f} min"


def new_results() -> Results:
    """Of this machine, now, with nothing measured."""
    versions = {package: metadata.version(package) for package in PACKAGES}
    return Results(
        machine=Machine(
            system=platform.platform(),
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            load=os.getloadavg()[0],
        ),
        started=datetime.now().astimezone(),
        commit=current_commit(),
        versions={"python": platform.python_version(), **versions},
    )


def _processor() -> str:
    """As the kernel names it; the architecture where it names none."""
    return next(_model_names(Path("/proc/cpuinfo").read_text().splitlines()), platform.machine())


def _model_names(lines: Iterable[str]) -> Iterator[str]:
    return (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
