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

MODULES = {
    "serving.client": "serving.client",
    "with conversion": "serving.client.conversion",
    "TensorFlow Serving's stubs": "tensorflow_serving.apis.prediction_service_pb2_grpc",
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
    measured = {name: measure(module, arguments.repeats) for name, module in MODULES.items()}
    for name, figures in measured.items():
        seconds, processor = figures["seconds"], figures["processor_seconds"]
        print(f"{name}: {seconds:.2f} s ({processor:.2f} s of the processor), {figures['megabytes']:.0f} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2) + "\n")


def measure(module: str, repeats: int) -> dict[str, float]:
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
