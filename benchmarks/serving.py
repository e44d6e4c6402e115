"""The embedded server under 1, 8 and 32 clients, against the same model asked in process by one thread.

Of the quick start's network, trained for an epoch. Each repetition is a run of `benchmarks.serving_load`, which
measures both.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import AtLeast, AtMost, Figure, Progress, figure_of
from benchmarks.ingestion import generate
from benchmarks.measuring import in_new_process

IMAGES, SIDE = 60, 96
CLIENTS, SECONDS, REPETITIONS = (1, 8, 32), 3, 3
MODEL_NAME = "breast_imaging"

Row = dict[str, Any]
"""As `benchmarks.serving_load` writes it."""


def measure(work: Path, report: Progress) -> list[Figure]:
    report("training a model")
    model = in_new_process(_publish_model, work)
    runs = []
    for repetition in range(1, REPETITIONS + 1):
        report(f"in process and with {', '.join(map(str, CLIENTS))} clients, {repetition} of {REPETITIONS}")
        runs.append(_load(model, work / "load.json"))
    return summarize(runs)


def summarize(runs: Sequence[Sequence[Row]]) -> list[Figure]:
    """Args: runs: what each run of `benchmarks.serving_load` found."""
    return [*(_rate(clients, runs) for clients in CLIENTS), _latency(runs)]


def _publish_model(work: Path) -> Path:
    """The folder of versions of a model."""
    from benchmarks.steps import run_steps, small_config

    generate(work / "data", IMAGES, SIDE)
    steps = ("ImageExampleGen", "ImportSchemaGen", "Transform", "Trainer")
    run_steps(steps, small_config("train.epochs=1"), work / "data", work)
    model = work / MODEL_NAME
    shutil.copytree(work / "Trainer" / "model" / "Format-Serving", model / "1")
    return model


def _load(model: Path, file: Path) -> list[Row]:
    options = ["--model", model, "--clients", *CLIENTS, "--seconds", SECONDS, "--open-loads", "--json", file]
    subprocess.run([sys.executable, "-m", "benchmarks.serving_load", *map(str, options)], check=True)
    rows: list[Row] = json.loads(file.read_text())["rows"]
    return rows


def _in_process(rows: Sequence[Row]) -> Row:
    return next(row for row in rows if row["how"] == "in process" and row["clients"] == 1)


def _served(rows: Sequence[Row], clients: int) -> Row:
    return next(row for row in rows if row["how"] == "closed" and row["clients"] == clients)


def _rate(clients: int, runs: Sequence[Sequence[Row]]) -> Figure:
    served, alone = ([each["rate"] for each in rows] for rows in _pairs(clients, runs))
    return figure_of(
        "serving",
        f"answers to {clients} clients / in process",
        [rate / other for rate, other in zip(served, alone, strict=True)],
        {"served_per_second": median(served), "in_process_per_second": median(alone)},
        AtLeast(0.85) if clients == max(CLIENTS) else None,
    )


def _latency(runs: Sequence[Sequence[Row]]) -> Figure:
    served, alone = ([each["p50"] for each in rows] for rows in _pairs(1, runs))
    return figure_of(
        "serving",
        "p50 of one client above that in process / 1 ms",
        [milliseconds - other for milliseconds, other in zip(served, alone, strict=True)],
        {"served_p50_ms": median(served), "in_process_p50_ms": median(alone)},
        AtMost(1.0),
    )


def _pairs(clients: int, runs: Sequence[Sequence[Row]]) -> tuple[list[Row], list[Row]]:
    """Of each run, the row with so many clients, and the one in process."""
    return [_served(rows, clients) for rows in runs], [_in_process(rows) for rows in runs]
