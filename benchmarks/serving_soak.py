"""The memory of the embedded server over many requests.

    python -m benchmarks.serving_soak --model runs/synthetic/serving/breast_imaging --requests 50000

Prints the resident set at the start (after a warm-up), in the middle and at the end. Answers and failures alternate,
since both must leave nothing behind.
"""

import argparse
from pathlib import Path

import grpc
import psutil

from benchmarks.served import request_of, serving

_METHOD = "/tensorflow.serving.PredictionService/Predict"
_DEADLINE_SECONDS = 60.0
_AT_ONCE = 8
_WARM_UP = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of version folders")
    parser.add_argument("--requests", type=int, default=50_000)
    arguments = parser.parse_args()
    from serving.reference import reference_images

    images = reference_images()
    requests = (request_of(arguments.model.name, images[:1]), request_of(arguments.model.name, [images[0][:60]]))
    with serving(arguments.model) as served, grpc.insecure_channel(served.address) as channel:
        predict = channel.unary_unary(_METHOD)
        process = psutil.Process(served.pid)
        done = 0
        for when, until in (("start", 0), ("middle", arguments.requests // 2), ("end", arguments.requests)):
            counts = _ask(predict, requests, _WARM_UP if when == "start" else until - done)
            done = until
            mebibytes = process.memory_info().rss / 2**20
            print(f"{when:<7} {done:>7} requests  {mebibytes:>7.1f} MiB  answers and failures of late: {counts}")


def _ask(predict: grpc.UnaryUnaryMultiCallable, requests: tuple[bytes, ...], count: int) -> list[int]:
    """How many were answered, and how many not."""
    counts = [0, 0]
    for start in range(0, count, _AT_ONCE):
        calls = [
            predict.future(requests[number % len(requests)], timeout=_DEADLINE_SECONDS)
            for number in range(start, min(start + _AT_ONCE, count))
        ]
        for call in calls:
            counts[call.code() != grpc.StatusCode.OK] += 1
    return counts


if __name__ == "__main__":
    main()
