"""Where the seconds of a run go: imports, graph, and of each component driver, executor and publisher.

    python -m benchmarks.launcher_phases --config synthetic --data path/to/images --output DIR --json phases.json

Does what the process behind `breast-imaging run` does, and times what TFX's launcher logs meanwhile.
"""

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from pipeline.config import load_config
from pipeline.json_file import write_json
from pipeline.output import open_output

# What TFX's LocalDagRunner and Launcher log. They offer no other hook; a test holds these against their sources.
STARTED: Final = "Component %s is running."
EXECUTING: Final = "Going to run a new execution: %s"
EXECUTED: Final = "Cleaning up stateless execution info."
FINISHED: Final = "Component %s is finished."


class ComponentPhases(BaseModel):
    """Seconds of one component.

    Attributes:
        driver: resolving inputs, registering the execution, looking into the cache; for a resolver all that it does.
        executor: the work, and the import of what does it.
        publisher: registering the outputs.
    """

    component: str
    driver: float
    executor: float
    publisher: float


class RunPhases(BaseModel):
    """Seconds of a run. Attributes: imports: of TFX and all else; graph: until its first component starts."""

    imports: float
    graph: float
    components: list[ComponentPhases]


class PhaseTimer(logging.Handler):
    """Attributes: phases: of the components that have ended."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(logging.INFO)
        self.phases: list[ComponentPhases] = []
        self.first_started: float | None = None
        self._clock = clock
        self._times: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == STARTED:
            self._times = {STARTED: self._clock()}
            self.first_started = self.first_started or self._times[STARTED]
        elif record.msg in (EXECUTING, EXECUTED):
            self._times[record.msg] = self._clock()
        elif record.msg == FINISHED:
            assert isinstance(record.args, tuple)
            self._finish(str(record.args[0]), self._clock())

    def _finish(self, component: str, finished: float) -> None:
        executing = self._times.get(EXECUTING, finished)
        executed = self._times.get(EXECUTED, finished)
        self.phases.append(
            ComponentPhases(
                component=component,
                driver=executing - self._times[STARTED],
                executor=executed - executing,
                publisher=finished - executed,
            )
        )


@contextmanager
def attached(timer: PhaseTimer) -> Iterator[None]:
    """Lets the timer hear what TFX logs."""
    from absl import logging as absl_logging

    verbosity, logger = absl_logging.get_verbosity(), logging.getLogger("absl")
    absl_logging.set_verbosity(absl_logging.INFO)
    logger.addHandler(timer)
    try:
        yield
    finally:
        logger.removeHandler(timer)
        absl_logging.set_verbosity(verbosity)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="synthetic")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    started = time.perf_counter()
    from pipeline.local import run_locally

    imported = time.perf_counter()
    timer = PhaseTimer()
    with attached(timer):
        run_locally(load_config(options.config), options.data, open_output(options.output))
    first_started = timer.first_started or imported
    phases = RunPhases(imports=imported - started, graph=first_started - imported, components=timer.phases)
    write_json(phases, options.json)


if __name__ == "__main__":
    main()
