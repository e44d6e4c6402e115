"""Trains one network: its head on a frozen backbone, then a part of the backbone too; or all of it from scratch."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from components.models.spec import ModelSpec, Network
from components.models.weights import load_weights
from components.settings import FineTuningSettings, ModelSettings, PhaseSettings, TrainSettings
from components.trainer.augmentation import augmentation
from components.trainer.checkpoints import Checkpoint
from components.trainer.data import LabelCoding, evaluation_batches, training_batches
from components.trainer.devices import ComputePlan
from components.trainer.epoch_log import EpochLog
from components.trainer.fit import History, Validation, class_weights, compile_model, fit
from components.trainer.keep_best import is_better
from components.trainer.learning_set import LearningSet, targets_of
from components.trainer.normalisation import start_from_statistics
from components.trainer.warm_start import start_from
from schema.errors import ConfigurationError

WHOLE: Final = "training"
HEAD: Final = "training the head"
FINE_TUNING: Final = "fine-tuning"
# Of a head on features: a step takes a few milliseconds, and so does Python between two of them.
HEAD_STEPS_AT_ONCE: Final = 5


@dataclass(frozen=True)
class Task:
    """What is trained, and how; the same for all members of an ensemble and all folds.

    Attributes:
        coding: of the labels.
        compute: where.
        checkpoints: folder for the states of the phases; empty keeps none.
        logs: folder for TensorBoard; empty writes none.
    """

    spec: ModelSpec
    model: ModelSettings
    train: TrainSettings
    coding: LabelCoding
    compute: ComputePlan
    checkpoints: str = ""
    logs: str = ""

    def checkpoint(self, seed: int, name: str) -> Checkpoint | None:
        """Of one phase of one network."""
        if not self.checkpoints:
            return None
        return Checkpoint(f"{self.checkpoints}/{hashlib.sha256(f'{seed} {name}'.encode()).hexdigest()}.npz")

    def log_callbacks(self, seed: int, name: str) -> list[keras.callbacks.Callback]:
        """For TensorBoard, a folder for each phase of each network."""
        if not self.logs:
            return []
        return [EpochLog(f"{self.logs}/seed {seed}, {name}")]

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


def train_members(
    task: Task,
    train: LearningSet,
    evaluation: LearningSet,
    starts: Sequence[list[NDArray[Any]] | None],
    title: str = "",
) -> list[TrainedNetwork]:
    """Trains the networks of an ensemble, which differ in their seeds.

    Args:
        starts: for each member the weights to start from, or None for a fresh start.
        title: goes before the names of the phases.
    """
    names = [f"member {number} of {len(starts)}, " for number in range(1, len(starts) + 1)] if starts[1:] else [""]
    return [
        train_network(task, train, evaluation, task.train.seed + number, title + names[number], start)
        for number, start in enumerate(starts)
    ]


def train_network(
    task: Task,
    train: LearningSet,
    evaluation: LearningSet,
    seed: int,
    title: str = "",
    start: list[NDArray[Any]] | None = None,
) -> TrainedNetwork:
    """Trains on `train`; which epoch is kept, `evaluation` decides.

    Args:
        title: goes before the names of the phases.
        start: weights of a whole network of the same architecture to start from.

    Raises ConfigurationError where those are of another network.
    """
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(task.compute.precision)
    try:
        with task.compute.strategy.scope():
            network = task.build()
        if start is None:
            return _train_phases(task, network, train, evaluation, seed, title)
        return _train_on(task, network, start, train, evaluation, seed, title)
    finally:
        # 16-bit types are for training. Rounded to them, a served model would answer otherwise on other hardware.
        keras.config.set_dtype_policy("float32")


def _train_phases(
    task: Task, network: Network, train: LearningSet, evaluation: LearningSet, seed: int, title: str
) -> TrainedNetwork:
    if train.features is None:
        history = _train_on_images(task, network, task.train, train, evaluation, seed, title + WHOLE)
        return TrainedNetwork(network.whole.get_weights(), {WHOLE: history}, WHOLE)
    if task.train.fine_tuning is not None:
        first_trained_layer(network, task.spec, task.train.fine_tuning)  # a wrong name is told before any work
    head = _train_head(task, network, train, evaluation, seed, title + HEAD)
    with_head = TrainedNetwork(network.whole.get_weights(), {HEAD: head}, HEAD)
    if task.train.fine_tuning is None:
        return with_head
    tuned = _fine_tune(task, network, task.train.fine_tuning, train, evaluation, seed, title)
    histories = {HEAD: head, FINE_TUNING: tuned}
    if _is_better(tuned, head, task.train.monitor):
        return TrainedNetwork(network.whole.get_weights(), histories, FINE_TUNING)
    return TrainedNetwork(with_head.weights, histories, HEAD)


def _train_on(
    task: Task,
    network: Network,
    start: list[NDArray[Any]],
    train: LearningSet,
    evaluation: LearningSet,
    seed: int,
    title: str,
) -> TrainedNetwork:
    """Takes up an earlier training: of a network that is fine-tuned its last phase, of others the only one."""
    base = network.base.get_weights() if network.base is not None else []
    start_from(network.whole, start)
    if train.features is not None and task.train.fine_tuning is not None:
        tuned = _fine_tune(task, network, task.train.fine_tuning, train, evaluation, seed, title)
        return TrainedNetwork(network.whole.get_weights(), {FINE_TUNING: tuned}, FINE_TUNING)
    if train.features is not None and network.base is not None:
        network.base.set_weights(base)  # those that the features come from
    return _train_phases(task, network, train, evaluation, seed, title)


def _fine_tune(
    task: Task,
    network: Network,
    settings: FineTuningSettings,
    train: LearningSet,
    evaluation: LearningSet,
    seed: int,
    title: str,
) -> History:
    unfreeze(network, task.spec, settings)
    return _train_on_images(task, network, settings, train, evaluation, seed, title + FINE_TUNING)


def _is_better(history: History, than: History, monitor: str) -> bool:
    best, other = (each.values[monitor][each.best_epoch - 1] for each in (history, than))
    return is_better(best, other, monitor)


def first_trained_layer(network: Network, spec: ModelSpec, settings: FineTuningSettings) -> int:
    """Its position in the base. Raises ConfigurationError where the base has no such layer."""
    if network.base is None or spec.backbone is None:
        raise ValueError(f"{spec.name} has no backbone")
    names = [layer.name for layer in network.base.layers]
    first = settings.from_layer or spec.backbone.fine_tune_from
    if first not in names:
        raise ConfigurationError(
            f"train.fine_tuning.from_layer: {spec.name} has no layer {first!r}.",
            fix=f"name one of its layers: {', '.join(names)}",
        )
    return names.index(first)


def unfreeze(network: Network, spec: ModelSpec, settings: FineTuningSettings) -> None:
    """Makes the layers of the base from the chosen one on trainable, and those before it not.

    Batch normalisation stays as it is, in the base and in the head: in Keras it then runs in inference mode.

    Raises ConfigurationError where the base has no such layer.
    """
    if network.base is None:
        raise ValueError(f"{spec.name} has no backbone")
    first = first_trained_layer(network, spec, settings)
    network.base.trainable = True
    for layer in network.base.layers[:first]:
        layer.trainable = False
    for layer in network.head.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # Its averages are those of the first phase, and would lag behind the features that now change.
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
    batches_of = train.full_feature_batches if _over_devices(task) else train.feature_batches
    batches = batches_of(targets_of(labels, task.coding), _batch_size(task, train), seed)
    start_from_statistics(network.head, train.map_batches())
    validation = Validation(evaluation.first_views(), evaluation.examples.label_indices(), task.coding)
    at_once = 1 if _over_devices(task) else HEAD_STEPS_AT_ONCE
    return _fit(task, network.head, batches, len(batches), at_once, validation, task.train, labels, seed, name)


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
    return _fit(task, model, batches, steps, 1, validation, phase, train.examples.label_indices(), seed, name)


def _fit(
    task: Task,
    model: keras.Model,
    batches: Any,
    steps: int,
    steps_at_once: int,
    validation: Validation,
    phase: PhaseSettings,
    labels: NDArray[np.int64],
    seed: int,
    name: str,
) -> History:
    weights: Mapping[int, float] | None = None
    if task.train.class_weights == "balanced":
        weights = class_weights(labels, task.coding)
    with task.compute.strategy.scope():
        compile_model(model, task.train, phase, task.coding, steps, task.compute.xla, steps_at_once)
    checkpoint, logs = task.checkpoint(seed, name), task.log_callbacks(seed, name)
    return fit(model, batches, validation, phase, task.train.monitor, weights, name, checkpoint, logs)
