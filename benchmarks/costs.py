"""What a run costs for each image: processor seconds and bytes of each step, from runs of two sizes.

    python -m benchmarks.costs --images 150 600 --json costs.json

What grows from the smaller run to the larger one, divided by the images between them, is the cost of an image; what
is left of the smaller run is the cost of a run. Seconds are those of the processor, of all threads, which other work
on the machine changes little. Training is one epoch of the small CNN at 128 pixels.
"""

import argparse
import json
import os
import platform
import sqlite3
import tempfile
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.ingestion import LABELS, generate

# Gates stand open: what is measured is the work, whatever comes of it.
OVERRIDES = (
    f"data.labels=[{', '.join(LABELS)}]",
    "data.positive_label=malignant",
    "data.checks={skew: warn, classes: warn, drift: warn, bit_depth: warn, burned_in: warn, schema_anomalies: warn}",
    "model.image_size=[128, 128]",
    "train.epochs=1",
    "gate={minimum_auc: 0.0, minimum_recall: 0.0}",
    "clinical.certify=false",
)
TABLES = ("Artifact", "ArtifactProperty", "Execution", "ExecutionProperty", "Event", "Attribution", "Association")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs=2, default=[150, 600])
    parser.add_argument("--side", type=int, default=360, help="pixels")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    small, large = (cost_of_run(images, arguments.side) for images in arguments.images)
    between = arguments.images[1] - arguments.images[0]
    rows = []
    for quantity in ("seconds", "bytes"):
        for step, costs in large[quantity].items():
            each = (costs - small[quantity][step]) / between
            run = small[quantity][step] - each * arguments.images[0]
            rows.append({"step": step, "quantity": quantity, "per_image": each, "per_run": run})
    for row in rows:
        unit, scale = ("ms", 1000) if row["quantity"] == "seconds" else ("KB", 0.001)
        print(f"{row['step']:22} {row['per_image'] * scale:10.2f} {unit} an image, and {row['per_run']:14.2f} a run")
    print(f"rows in ML Metadata, first run: {large['rows']}")
    if arguments.json:
        found = {"machine": platform.platform(), "cores": os.cpu_count(), "rows": rows, "metadata": large["rows"]}
        arguments.json.write_text(json.dumps(found, indent=2))


def cost_of_run(images: int, side: int) -> dict[str, Any]:
    """In a process of its own. Returns seconds of the processor and bytes by step, and rows of ML Metadata."""
    with tempfile.TemporaryDirectory() as folder, get_context("spawn").Pool(1) as pool:
        data = Path(folder) / "data"
        generate(data, images, side)
        return pool.apply(_run, (data, Path(folder) / "output"))


def _run(data: Path, folder: Path) -> dict[str, Any]:
    from pipeline.config import load_config
    from pipeline.events import ComponentFinished, ComponentStarted, Event
    from pipeline.fingerprints import data_fingerprint
    from pipeline.listener import RunListener, listening
    from pipeline.local import run_locally
    from pipeline.output import open_output

    seconds: dict[str, float] = {}

    def note(event: Event) -> None:
        if isinstance(event, ComponentStarted):
            seconds[event.component] = -time.process_time()
        elif isinstance(event, ComponentFinished):
            seconds[event.component] += time.process_time()

    started = time.process_time()
    data_fingerprint(data)  # as every run does before it looks for cached results
    seconds["fingerprint of files"] = time.process_time() - started
    output = open_output(folder)
    with listening(RunListener(note)):
        run_locally(load_config("image_folder", OVERRIDES), data, output)
    return {"seconds": seconds, "bytes": _bytes(output.pipeline_root), "rows": _rows(output.metadata)}


def _bytes(pipeline_root: Path) -> dict[str, float]:
    """Of the artifacts, by the step that made them."""
    return {
        step.name: float(sum(file.stat().st_size for file in step.rglob("*") if file.is_file()))
        for step in sorted(pipeline_root.iterdir())
    }


def _rows(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database)) as connection:
        return {table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608


if __name__ == "__main__":
    main()
