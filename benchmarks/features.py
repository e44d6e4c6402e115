"""Training a head on features that are computed once, against running the frozen backbone in every epoch.

    python -m benchmarks.features --images 780 --epochs 30 --weights PATH --json features.json

Both train the same head from the same seed, with the same optimizer, on the same generated images without
augmentation; the time of the cached way includes the computation of the features. Without --weights the backbone is
untrained, which changes no time, but then the two AUCs mean nothing.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.figures import AtLeast, Figure, Progress, figure_of
from benchmarks.measuring import ratios
from components.features.executor import compute_features
from components.features.store import read_features, write_features
from components.models.backbone import FEATURES
from components.models.registry import get_model
from components.models.spec import Network
from components.settings import ModelSettings, TransformSettings
from components.trainer.data import TransformedExamples
from components.trainer.learning_set import learning_set
from components.trainer.phases import HEAD_STEPS_AT_ONCE
from schema import contract

SEED = 0
LAST_MAP = "last_map"
BATCH_SIZE = 32
LEARNING_RATE = 1e-3
IMAGES, EPOCHS, SIDE, REPETITIONS = 780, 30, 224, 2  # of `measure`


@dataclass(frozen=True)
class Data:
    """Generated images, uint8 (images, side, side, 3), and their labels, 0 or 1."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=780)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--naive-epochs", type=int, help="measure so many, and reckon with as many as --epochs")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument("--features", choices=FEATURES, default=LAST_MAP, help="what the head is given")
    parser.add_argument("--weights", type=Path, help="of MobileNet at three quarters of its width")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = generate(arguments.images + arguments.images // 4, arguments.side)
    train = Data(data.images[: arguments.images], data.labels[: arguments.images])
    test = Data(data.images[arguments.images :], data.labels[arguments.images :])
    epochs = arguments.naive_epochs or arguments.epochs
    found = {
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        **vars(arguments),
        **_measure(arguments, train, test, epochs),
    }
    found["ratio"] = found["naive"]["seconds"] * arguments.epochs / epochs / found["cached"]["seconds"]
    for way in ("cached", "naive"):
        print(f"{way:<7} {found[way]['seconds']:8.1f} s  test AUC {found[way]['auc']:.3f}")
    print(f"the cached way is {found['ratio']:.1f} times as fast for {arguments.epochs} epochs")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2, default=str))


def measure(work: Path, report: Progress) -> list[Figure]:
    """On an untrained backbone. Two naive epochs are measured, and as many reckoned with as were the second."""
    data = generate(BATCH_SIZE + IMAGES, SIDE)
    test = Data(data.images[:BATCH_SIZE], data.labels[:BATCH_SIZE])
    train = Data(data.images[BATCH_SIZE:], data.labels[BATCH_SIZE:])
    cached_seconds, naive_seconds = [], []
    for repetition in range(1, REPETITIONS + 1):
        report(f"cached, {repetition} of {REPETITIONS}")
        cached_seconds.append(train_cached(build(SIDE), train, test, EPOCHS)["seconds"])
        report(f"naive, {repetition} of {REPETITIONS}")
        naive = train_naively(build(SIDE), train, test, 2)
        naive_seconds.append(naive["seconds"] + (EPOCHS - 2) * naive["last_epoch_seconds"])
    raw = {
        "images": float(IMAGES),
        "cached_seconds": median(cached_seconds),
        "naive_reckoned_seconds": median(naive_seconds),
    }
    what = f"time of {EPOCHS} epochs with the backbone in each / on features computed once"
    return [figure_of("features", what, ratios(naive_seconds, cached_seconds), raw, AtLeast(20.0))]


def _measure(
    arguments: argparse.Namespace, train: Data, test: Data, naive_epochs: int
) -> dict[str, dict[str, float]]:
    """Both ways; the cached one before and after the other, since the speed of a machine drifts."""
    network = partial(build, arguments.side, arguments.features, arguments.weights)
    before = train_cached(network(), train, test, arguments.epochs)
    naive = train_naively(network(), train, test, naive_epochs)
    after = train_cached(network(), train, test, arguments.epochs)
    seconds = (before["seconds"] + after["seconds"]) / 2
    return {"cached": {**after, "seconds": seconds}, "naive": naive}


def generate(images: int, side: int) -> Data:
    """Stripes at two angles under noise, so that a head has something to learn and something to get wrong."""
    generator = np.random.default_rng(SEED)
    labels = np.arange(images) % 2
    rows, columns = np.mgrid[:side, :side]
    pictures = np.empty((images, side, side, 3), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        angle = generator.normal(label * 0.5, 0.4)
        stripes = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) * 2 * np.pi / generator.uniform(8, 20))
        grey = 120 + 40 * stripes + generator.normal(0, 40, (side, side))
        picture[...] = np.clip(grey, 0, 255)[..., None].astype(np.uint8)
    return Data(pictures, labels)


def build(side: int, features: str = LAST_MAP, weights: Path | None = None) -> Network:
    keras.utils.set_random_seed(SEED)
    spec = get_model("mobilenet")
    settings = ModelSettings(architecture="mobilenet", image_size=(side, side), features=features)
    network = spec.build(settings, spec.input_shape(settings), 2)
    if weights:
        network.base.load_weights(str(weights))
    network.base.trainable = False
    return network


def train_cached(network: Network, train: Data, test: Data, epochs: int) -> dict[str, float]:
    examples = transformed_examples(train)  # which Transform has written for either way
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        shape = (1, *network.base.output_shape[1:])
        maps = compute_features(network.base, examples, [keras.layers.Identity()], len(examples))
        write_features(folder, examples.sources(), shape, maps)
        features = read_features(folder)
        batches = learning_set(examples, features).feature_batches(train.labels.astype(np.float32), BATCH_SIZE, SEED)
        _compile(network.head)
        network.head.fit(batches, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "auc": _auc(network, test)}


def train_naively(network: Network, train: Data, test: Data, epochs: int) -> dict[str, float]:
    started = time.perf_counter()
    order = tf.data.Dataset.range(len(train.labels)).shuffle(len(train.labels), seed=SEED)
    images, targets = tf.constant(train.images), tf.constant(train.labels, tf.float32)
    batches = order.batch(BATCH_SIZE).map(
        lambda at: (tf.cast(tf.gather(images, at), tf.float32), tf.gather(targets, at)), tf.data.AUTOTUNE
    )
    _compile(network.whole)
    clock = EpochClock()
    network.whole.fit(batches.prefetch(tf.data.AUTOTUNE), epochs=epochs, verbose=0, callbacks=[clock])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "last_epoch_seconds": clock.seconds, "auc": _auc(network, test)}


class EpochClock(keras.callbacks.Callback):
    """Attributes: seconds: of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.seconds = time.perf_counter() - self._started


def _compile(model: keras.Model) -> None:
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    model.compile(optimizer, "binary_crossentropy", steps_per_execution=HEAD_STEPS_AT_ONCE)


def _auc(network: Network, test: Data) -> float:
    scores = network.whole.predict(test.images.astype(np.float32), batch_size=BATCH_SIZE, verbose=0)[:, 0]
    return float(roc_auc_score(test.labels, scores))


def transformed_examples(data: Data) -> TransformedExamples:
    """The images as Transform writes them."""
    side = data.images.shape[1]
    serialized = [_example(number, *pair) for number, pair in enumerate(zip(data.images, data.labels, strict=True))]
    return TransformedExamples(tf.constant(serialized), TransformSettings(height=side, width=side, channels=3))


def _example(number: int, image: NDArray[np.uint8], label: Any) -> bytes:
    values = {
        contract.TRANSFORMED_IMAGE: tf.io.serialize_tensor(image).numpy(),
        contract.TRANSFORMED_SOURCE: f"{number:06d}".encode(),
    }
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in values.items()
    }
    features[contract.TRANSFORMED_LABEL] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(label)]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


if __name__ == "__main__":
    main()
