"""How long a training step waits for its data.

    python -m benchmarks.input_pipeline --images 1024 --side 224 --json input_pipeline.json

Trains the CNN on examples as Transform writes them, through the Trainer's own input pipeline and augmentation, and
measures how much of the time the training loop is blocked in asking for the next batch.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.features import generate, transformed_examples
from components.models.registry import get_model
from components.settings import AugmentationSettings, ModelSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import LabelCoding, training_batches

WARM_UP_STEPS = 3  # tracing and the first filling of the buffers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--architecture", default="cnn")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    waiting, working = measure(arguments)
    found = {
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        **vars(arguments),
        "waiting_share": sum(waiting) / (sum(waiting) + sum(working)),
        "seconds_a_step": float(np.mean(np.add(waiting, working))),
    }
    print(
        f"{arguments.architecture}, {arguments.side} pixels, batches of {arguments.batch_size}: "
        f"{found['seconds_a_step']:.3f} s a step, of which {found['waiting_share']:.1%} waiting for data"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2, default=str))


def measure(arguments: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Seconds of each step spent waiting for its batch, and spent on it."""
    model = build(arguments)
    examples = transformed_examples(generate(arguments.images, arguments.side))
    batches = iter(training_batches(examples, LabelCoding(2, 1), arguments.batch_size, seed=0).repeat(2))
    waiting, working = [], []
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return waiting[WARM_UP_STEPS:], working[WARM_UP_STEPS:]
        got = time.perf_counter()
        float(model.train_on_batch(*batch))
        waiting.append(got - asked)
        working.append(time.perf_counter() - got)


def build(arguments: argparse.Namespace) -> keras.Model:
    spec = get_model(arguments.architecture)
    settings = ModelSettings(architecture=arguments.architecture, image_size=(arguments.side, arguments.side))
    network = spec.build(settings, spec.input_shape(settings), 2).whole
    images = keras.Input(network.input_shape[1:])
    model = keras.Model(images, network(augmentation(AugmentationSettings(), 0)(images)))
    model.compile("adam", "binary_crossentropy")
    tf.get_logger().setLevel("ERROR")
    return model


if __name__ == "__main__":
    main()
