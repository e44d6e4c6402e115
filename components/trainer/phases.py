"""Trains one network: its head on a frozen backbone, then a part of the backbone too; or all of it from scratch."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from components.models.spec import ModelSpec, Network
from components.models.weights import load_weights
from components.settings import FineTuningSettings, ModelSettings, PhaseSettings, TrainSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import LabelCoding, evaluation_batches, training_batches
from components.trainer.devices import ComputePlan
from components.trainer.fit import MODES, History, Validation, class_weights, compile_model, fit
from components.trainer.learning_set import LearningSet, targets_of
from schema.errors import ConfigurationError

WHOLE: Final = "training"
HEAD: Final = "training the head"
FINE_TUNING: Final = "fine-tuning"


@dataclass(frozen=True)
class Task:
    """What is trained, and how; the same for all members of an ensemble and all folds.

    Attributes:
        classes: number of classes.
        compute: where.
    """

    spec: ModelSpec
    model: ModelSettings
    train: TrainSettings
    coding: LabelCoding
    compute: ComputePlan

    def build(self) -> Network:
        """The network as it starts, with the weights of its backbone."""
        network = self.spec.build(self.model, self.spec.input_shape(self.model), self.coding.classes)
        load_weights(network, self.spec, self.model)
        return network


@dataclass(frozen=True)
class TrainedNetwork:
    """Attributes: weights: of the whole network; histories: of its phases, by their names; kept: whose weights."""

    weights: list[NDArray[Any]]
    histories: dict[str, History]
    kept: str

    @property
    def best_epoch(self) -> int:
        """The one whose weights these are, counted from 1 over all phases."""
        earlier = itertools.takewhile(lambda phase: phase != self.kept, self.histories)
        return sum(self.histories[phase].epochs for phase in earlier) + self.histories[self.kept].best_epoch


def train_network(
    task: Task, train: LearningSet, evaluation: LearningSet, seed: int, title: str = ""
) -> TrainedNetwork:
    """Trains on `train`; which epoch is kept, `evaluation` decides. `title` goes before the names of the phases."""
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(task.compute.precision)
    try:
        with task.compute.strategy.scope():
            network = task.build()
        return _train_phases(task, network, train, evaluation, seed, title)
    finally:
        # 16-bit types are for training. Rounded to them, a served model would answer otherwise on other hardware.
        keras.config.set_dtype_policy("float32")


def _train_phases(
    task: Task, network: Network, train: LearningSet, evaluation: LearningSet, seed: int, title: str
) -> TrainedNetwork:
    if train.features is None:
        history = _train_on_images(task, network, task.train, train, evaluation, seed, title + WHOLE)
        return TrainedNetwork(network.whole.get_weights(), {WHOLE: history}, WHOLE)
    head = _train_head(task, network, train, evaluation, seed, title + HEAD)
    with_head = TrainedNetwork(network.whole.get_weights(), {HEAD: head}, HEAD)
    if task.train.fine_tuning is None:
        return with_head
    unfreeze(network, task.spec, task.train.fine_tuning)
    phase, name = task.train.fine_tuning, title + FINE_TUNING
    tuned = _train_on_images(task, network, phase, train, evaluation, seed, name)
    histories = {HEAD: head, FINE_TUNING: tuned}
    if _is_better(tuned, head, task.train.monitor):
        return TrainedNetwork(network.whole.get_weights(), histories, FINE_TUNING)
    return TrainedNetwork(with_head.weights, histories, HEAD)


def _is_better(history: History, than: History, monitor: str) -> bool:
    best, other = (each.values[monitor][each.best_epoch - 1] for each in (history, than))
    return best > other if MODES[monitor] == "max" else best < other


def unfreeze(network: Network, spec: ModelSpec, settings: FineTuningSettings) -> None:
    """Makes the layers of the base from the chosen one on trainable, and those before it not.

    Raises ConfigurationError where the base has no such layer.
    """
    if network.base is None or spec.backbone is None:
        raise ValueError(f"{spec.name} has no backbone")
    names = [layer.name for layer in network.base.layers]
    first = settings.from_layer or spec.backbone.fine_tune_from
    if first not in names:
        raise ConfigurationError(
            f"train.fine_tuning.from_layer: {spec.name} has no layer {first!r}.",
            fix=f"name one of its layers: {', '.join(names)}",
        )
    network.base.trainable = True
    for layer in network.base.layers[: names.index(first)]:
        layer.trainable = False


def _batch_size(task: Task, train: LearningSet) -> int:
    return min(task.train.batch_size, len(train))


def _over_devices(task: Task) -> bool:
    """Then only full batches are taken: of a smaller one a device may get no image, and its statistics no number."""
    return task.compute.strategy.num_replicas_in_sync > 1


def _train_head(
    task: Task, network: Network, train: LearningSet, evaluation: LearningSet, seed: int, name: str
) -> History:
    labels = train.examples.label_indices()
    batches = train.feature_batches(
        targets_of(labels, task.coding), _batch_size(task, train), seed, _over_devices(task)
    )
    validation = Validation(evaluation.first_views(), evaluation.examples.label_indices(), task.coding)
    return _fit(task, network.head, batches, len(batches), validation, task.train, labels, name)


def _train_on_images(
    task: Task,
    network: Network,
    phase: PhaseSettings,
    train: LearningSet,
    evaluation: LearningSet,
    seed: int,
    name: str,
) -> History:
    with task.compute.strategy.scope():
        images = keras.Input(network.whole.input_shape[1:], name="image")
        model = keras.Model(images, network.whole(augmentation(task.train.augmentation, seed)(images)))
    batches = training_batches(train.examples, task.coding, _batch_size(task, train), seed, _over_devices(task))
    asked = evaluation_batches(evaluation.examples, task.coding, task.train.batch_size).map(lambda image, _: image)
    validation = Validation(asked, evaluation.examples.label_indices(), task.coding)
    steps = int(batches.cardinality())
    return _fit(task, model, batches, steps, validation, phase, train.examples.label_indices(), name)


def _fit(
    task: Task,
    model: keras.Model,
    batches: Any,
    steps: int,
    validation: Validation,
    phase: PhaseSettings,
    labels: NDArray[np.int64],
    name: str,
) -> History:
    weights: Mapping[int, float] | None = None
    if task.train.class_weights == "balanced":
        weights = class_weights(labels, task.coding)
    with task.compute.strategy.scope():
        compile_model(model, task.train, phase, task.coding, steps, task.compute.xla)
    return fit(model, batches, validation, phase, task.train.monitor, weights, name)
