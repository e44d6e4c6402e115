"""An epoch as the Trainer trains it against a bare `model.fit` on arrays that are in memory already.

The same network in all: the bare one as Keras compiles it by default; the Trainer's with its own compilation, class
weights and input pipeline, which parses serialized examples, without and with its augmentation. Without validation.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from benchmarks.features import Data, generate, transformed_examples
from benchmarks.figures import Figure, Progress, figure_of
from benchmarks.measuring import alternate, median_seconds, ratios
from components.models.registry import get_model
from components.settings import AugmentationSettings, ModelSettings, TrainSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import LabelCoding, training_batches
from components.trainer.devices import plan_compute
from components.trainer.fit import class_weights, compile_model

IMAGES, SIDE, REPETITIONS = 640, 96, 5
CODING = LabelCoding(classes=2, positive=1)


def measure(work: Path, report: Progress) -> list[Figure]:
    report("making images, and tracing")
    data, settings = generate(IMAGES, SIDE), TrainSettings()
    ways = {
        "bare": _bare(data, settings.batch_size),
        "Trainer's": _of_the_trainer(data, settings, _network()),
        "augmented": _of_the_trainer(data, settings, _augmented(_network())),
    }
    for train in ways.values():
        train()  # traces, and fills the buffers
    costs = alternate(ways, REPETITIONS, report)
    seconds = {way: [cost.seconds for cost in found] for way, found in costs.items()}
    raw = {
        "images": float(IMAGES),
        "bare_seconds": median_seconds(costs["bare"]),
        "trainer_seconds": median_seconds(costs["Trainer's"]),
        "augmented_seconds": median_seconds(costs["augmented"]),
    }
    bare = seconds["bare"]
    return [
        figure_of("training_step", "time of the Trainer / of model.fit", ratios(seconds["Trainer's"], bare), raw),
        figure_of("training_step", "the same, with augmentation", ratios(seconds["augmented"], bare), raw),
    ]


def _network() -> keras.Model:
    spec = get_model("cnn")
    settings = ModelSettings(architecture="cnn", image_size=(SIDE, SIDE))
    return spec.build(settings, spec.input_shape(settings), CODING.classes).whole


def _augmented(network: keras.Model) -> keras.Model:
    images = keras.Input(network.input_shape[1:])
    return keras.Model(images, network(augmentation(AugmentationSettings(), 0)(images)))


def _bare(data: Data, batch_size: int) -> Callable[[], object]:
    """An epoch, as often as it is called."""
    model = _network()
    model.compile("adam", "binary_crossentropy")
    images, targets = data.images.astype(np.float32), data.labels.astype(np.float32)
    return lambda: model.fit(images, targets, batch_size=batch_size, verbose=0)


def _of_the_trainer(data: Data, settings: TrainSettings, model: keras.Model) -> Callable[[], object]:
    """An epoch, as often as it is called."""
    batches = training_batches(transformed_examples(data), CODING, settings.batch_size, seed=0)
    steps = int(batches.cardinality())
    compile_model(model, settings, settings, CODING, steps, plan_compute(settings).xla)
    weights = class_weights(data.labels, CODING)
    return lambda: model.fit(batches, class_weight=weights, verbose=0)
