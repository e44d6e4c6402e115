"""Figures of a published model on its run's test images, with intervals by group.

    python -m benchmarks.intervals runs/idc

Asks the newest published version through a session, as TensorFlow Serving does.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.cross_validation.measures import Pooled
from components.manifest import read_manifest
from components.measures.group_bootstrap import group_intervals
from schema import contract
from serving.servable import Servable, read_description

BATCH_SIZE = 64
REPLICATES = 2_000
FEATURES = {
    contract.SOURCE: tf.io.FixedLenFeature([], tf.string),
    contract.LABEL: tf.io.FixedLenFeature([], tf.string),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="of the run")
    output = parser.parse_args().output
    ingested = output / "pipeline_root" / "ImageExampleGen"
    group_of = {entry.source: entry.group for entry in read_manifest(str(newest(ingested / "manifest")))}
    examples = list(read_test_examples(newest(ingested / "examples")))
    pooled = ask(newest(*(output / "serving").iterdir()), examples)
    groups = [group_of[source] for source, _ in map(source_and_label, examples)]
    intervals = group_intervals(groups, pooled.measure, REPLICATES, seed=0)
    print(f"{len(groups)} test images of {len(set(groups))} groups")
    for name, interval in intervals.items():
        print(f"{name:<18} {interval.value:.3f}  {interval.low:.3f} to {interval.high:.3f}")


def newest(folder: Path) -> Path:
    """The one with the highest number for a name."""
    return max((path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


def read_test_examples(examples: Path) -> Iterator[bytes]:
    files = sorted(str(path) for path in (examples / f"Split-{contract.TEST}").iterdir())
    yield from tf.data.TFRecordDataset(files).as_numpy_iterator()


def source_and_label(example: bytes) -> tuple[str, str]:
    parsed = tf.io.parse_single_example(example, FEATURES)
    return parsed[contract.SOURCE].numpy().decode(), parsed[contract.LABEL].numpy().decode()


def ask(model: Path, examples: list[bytes]) -> Pooled:
    description = read_description(str(model))
    labels = list(map(str, description["labels"]))
    with Servable(str(model)) as servable:
        answers = [
            servable.predict_examples(examples[start : start + BATCH_SIZE])
            for start in range(0, len(examples), BATCH_SIZE)
        ]
    truth = np.array([labels.index(source_and_label(example)[1]) for example in examples])
    probabilities = np.concatenate([answer.probabilities for answer in answers]).astype(np.float64)
    decided = np.array([labels.index(label) for answer in answers for label in answer.labels])
    return Pooled(labels, labels.index(str(description["positive_label"])), truth, probabilities, decided)


if __name__ == "__main__":
    main()
