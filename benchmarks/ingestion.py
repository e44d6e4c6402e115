"""Ingestion against a plain loop of Pillow and TFRecordWriter, on images generated from a seed.

    python -m benchmarks.ingestion --images 1000 10000 100000 --json ingestion.json

Each measurement of this command runs in a process of its own. The plain loop decodes each file, encodes it as PNG and
writes it with its label: no checksum, no measurement, no search for duplicates, no split.
"""

import argparse
import itertools
import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.figures import AtLeast, Figure, Progress, figure_of
from benchmarks.measuring import ProcessCost, alternate, in_new_process, median_seconds, process_cost_of, ratios

PLAIN = "plain loop"
INGESTION = "ingestion"
LABELS = ("benign", "malignant")
IMAGES_PER_PATIENT = 4
IMAGES, SIDE, REPETITIONS = 400, 512, 3  # of `measure`
OCTAVES = (3, 6, 12, 24, 48)  # cells of random brightness along a side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument(
        "--plain-images", type=int, help="put so many to the plain loop, whose speed they do not change"
    )
    parser.add_argument("--side", type=int, default=512, help="pixels")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for images in arguments.images:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            generate(data, images, arguments.side)
            put = min(images, arguments.plain_images or images)
            plain = _measured(run_plain_loop, data, Path(folder) / "plain", put) | {"images": put}
            rows.append(describe(PLAIN, 1, plain, plain))
            for workers in dict.fromkeys(arguments.workers):
                ingested = Path(folder) / f"ingested-{workers}"
                measured = _measured(run_ingestion, data, ingested, workers) | {"images": images}
                rows.append(describe(INGESTION, workers, measured, plain))
        print_rows(rows[-1 - len(dict.fromkeys(arguments.workers)) :])
    if arguments.json:
        found = {"machine": platform.platform(), "cores": os.cpu_count(), "rows": rows}
        arguments.json.write_text(json.dumps(found, indent=2))


def measure(work: Path, report: Progress) -> list[Figure]:
    """On images of 512 pixels, with one worker and with one for each core, in one process by turns."""
    report(f"making {IMAGES} images")
    generate(work / "data", IMAGES, SIDE)
    _import_all()
    outputs = (work / f"output-{number}" for number in itertools.count())
    cores = os.cpu_count() or 1
    ways = {
        "plain loop": lambda: run_plain_loop(work / "data", next(outputs), IMAGES),
        "one worker": lambda: run_ingestion(work / "data", next(outputs), 1),
        "all cores": lambda: run_ingestion(work / "data", next(outputs), cores),
    }
    ways["one worker"]()  # a first time costs what no later one does
    costs = alternate(ways, REPETITIONS, report)
    plain = [cost.seconds for cost in costs["plain loop"]]
    return [
        figure_of(
            "ingestion",
            what,
            [ratio / workers for ratio in ratios(plain, [cost.seconds for cost in costs[way]])],
            {
                "images": IMAGES,
                "plain_loop_seconds": median_seconds(costs["plain loop"]),
                "ingestion_seconds": median_seconds(costs[way]),
            },
            AtLeast(0.9),
        )
        for way, workers, what in (
            ("one worker", 1, "speed of one worker / of a plain loop"),
            ("all cores", cores, f"speed of each of {cores} workers / of a plain loop"),
        )
    ]


def generate(root: Path, images: int, side: int) -> None:
    """Grey PNG files of random texture at all scales with speckle, in `<class>/`, and `groups.csv`."""
    parts = [(root, start, min(start + 500, images), side) for start in range(0, images, 500)]
    with get_context("spawn").Pool() as pool:
        pool.starmap(_generate_some, parts)
    rows = [f"{_path(number)},patient-{number // IMAGES_PER_PATIENT}" for number in range(images)]
    (root / "groups.csv").write_text("path,group\n" + "\n".join(rows) + "\n")


def _generate_some(root: Path, start: int, stop: int, side: int) -> None:
    for number in range(start, stop):
        path = root / _path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(number)
        Image.fromarray(_texture(generator, side)).save(path)


def _texture(generator: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """(side, side): octaves whose strength falls with their frequency, as in tissue, times speckle of some pixels."""
    cells = [generator.standard_normal((grid, grid), np.float32) / grid**0.5 for grid in OCTAVES]
    brightness = 90.0 * np.exp(np.sum([cv2.resize(octave, (side, side)) for octave in cells], axis=0))
    speckle = cv2.GaussianBlur(generator.standard_exponential((side, side), np.float32), (0, 0), 1.2)
    return np.clip(brightness * speckle, 0, 255).astype(np.uint8)


def _path(number: int) -> str:
    return f"{LABELS[(number // IMAGES_PER_PATIENT) % 2]}/{number // 1000:04d}/image-{number:07d}.png"


def _import_all() -> None:
    """What both need, so that neither pays for it."""
    from tests.ingestion import ingest  # noqa: F401


def run_plain_loop(data: Path, output: Path, images: int) -> None:
    import io

    import tensorflow as tf

    output.mkdir()
    with tf.io.TFRecordWriter(str(output / "images.tfrecord")) as writer:
        for path in sorted(data.rglob("*.png"))[:images]:
            with Image.open(path) as image:
                image.load()
                buffer = io.BytesIO()
                image.save(buffer, "PNG")
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[buffer.getvalue()])),
                "label": tf.train.Feature(bytes_list=tf.train.BytesList(value=[path.parent.parent.name.encode()])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def run_ingestion(data: Path, output: Path, workers: int) -> None:
    from tests.ingestion import ingest

    ingest(data, output, workers=workers)


def _measured(work: Callable[..., None], *arguments: Any) -> dict[str, float]:
    """Seconds and peak resident memory in a process of its own."""
    return asdict(in_new_process(_cost_after_imports, work, arguments))


def _cost_after_imports(work: Callable[..., None], arguments: tuple[Any, ...]) -> ProcessCost:
    """A long run does not notice what imports take, which differs."""
    _import_all()
    return process_cost_of(lambda: work(*arguments))


def describe(what: str, workers: int, measured: dict[str, float], plain: dict[str, float]) -> dict[str, Any]:
    speed, plain_speed = (each["images"] / each["seconds"] for each in (measured, plain))
    return {
        "what": what,
        "images": measured["images"],
        "workers": workers,
        "images_per_second": speed,
        "ratio_per_core": speed / plain_speed / workers,
        "ratio": speed / plain_speed,
        "peak_mib": measured["peak_mib"],
    }


def print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(
            f"{row['images']:>8} images  {row['what']:<11} {row['workers']} workers {row['images_per_second']:8.1f}/s"
            f"  {row['ratio']:.2f} x plain ({row['ratio_per_core']:.2f} per core)  peak {row['peak_mib']:.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
