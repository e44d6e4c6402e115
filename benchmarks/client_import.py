"""What importing the client costs, in fresh processes, beside TensorFlow Serving's own stubs.

    python -m benchmarks.client_import --repeats 5 --json client_import.json

The time of the import alone, the median of all repeats, by the clock and of the processor: the latter is what an idle
machine takes. And the most memory that the process held.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import AtMost, Figure, Progress, figure_of
from benchmarks.measuring import ratios

CLIENT, STUBS = "serving.client", "TensorFlow Serving's stubs"
REPETITIONS = 3  # of `measure`
MODULES = {
    CLIENT: "serving.client",
    "with conversion": "serving.client.conversion",
    STUBS: "tensorflow_serving.apis.prediction_service_pb2_grpc",
}
_PROGRAM = """
import json, resource, time
started, processor = time.perf_counter(), time.process_time()
import {module}
seconds, processor = time.perf_counter() - started, time.process_time() - processor
print(json.dumps([seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measured = {name: measure_module(module, arguments.repeats) for name, module in MODULES.items()}
    for name, figures in measured.items():
        seconds, processor = figures["seconds"], figures["processor_seconds"]
        print(f"{name}: {seconds:.2f} s ({processor:.2f} s of the processor), {figures['megabytes']:.0f} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2) + "\n")


def measure(work: Path, report: Progress) -> list[Figure]:
    """Against the stubs, and against the 0.3 s and 80 MB that are asked for."""
    found: dict[str, list[list[float]]] = {CLIENT: [], STUBS: []}
    for repetition in range(1, REPETITIONS + 1):
        for name, runs in found.items():
            report(f"{name}, {repetition} of {REPETITIONS}")
            runs.append(_run(MODULES[name]))
    (seconds, _, megabytes), (stub_seconds, _, _) = (tuple(zip(*runs, strict=True)) for runs in found.values())
    raw = {
        "client_seconds": statistics.median(seconds),
        "client_mib": statistics.median(megabytes),
        "stubs_seconds": statistics.median(stub_seconds),
    }
    return [
        figure_of("client_import", f"import of {CLIENT} / of {STUBS}", ratios(seconds, stub_seconds), raw),
        figure_of("client_import", "the same / 0.3 s", [each / 0.3 for each in seconds], raw, AtMost(1.0)),
        figure_of("client_import", "its memory / 80 MB", [each / 80 for each in megabytes], raw, AtMost(1.0)),
    ]


def measure_module(module: str, repeats: int) -> dict[str, float]:
    seconds, processor_seconds, megabytes = zip(*(_run(module) for _ in range(repeats)), strict=True)
    return {
        "seconds": statistics.median(seconds),
        "processor_seconds": statistics.median(processor_seconds),
        "megabytes": max(megabytes),
    }


def _run(module: str) -> list[float]:
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module)], capture_output=True, text=True, check=True
    )
    measured: list[float] = json.loads(finished.stdout)
    return measured


if __name__ == "__main__":
    main()
