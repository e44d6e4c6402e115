"""Fits one phase of a model: best weights on `eval`, early stopping, progress."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from components.progress import Progress, report_progress
from components.settings import PhaseSettings, TrainSettings
from components.trainer.checkpoints import Checkpoint
from components.trainer.data import LabelCoding
from components.trainer.keep_best import KeepBest
from components.trainer.losses import make_loss
from components.trainer.schedules import learning_rate
from schema.errors import BreastImagingError

_SHOWN: Final = ("loss", "val_loss", "val_auc")


@dataclass(frozen=True)
class History:
    """Values per epoch by Keras's names; `best_epoch`, counted from 1, is the one whose weights were kept."""

    values: dict[str, list[float]]
    best_epoch: int

    @property
    def epochs(self) -> int:
        return max(map(len, self.values.values()), default=0)


@dataclass(frozen=True)
class Validation:
    """What a phase is judged by after each epoch.

    Attributes:
        inputs: what the model is asked, in order: anything that `predict` takes.
        label_indices: int64 (images,), of the same images.
        coding: of the labels.
    """

    inputs: Any
    label_indices: NDArray[np.int64]
    coding: LabelCoding

    def measure(self, model: keras.Model) -> dict[str, float]:
        """Cross-entropy, and AUC of the positive class against the rest; without class weights."""
        outputs = model.predict(self.inputs, verbose=0)
        probabilities = np.asarray(self.coding.to_probabilities(outputs), np.float64)
        positive = self.label_indices == self.coding.positive
        scores = probabilities[:, self.coding.positive]
        if not np.isfinite(probabilities).all():
            return {"val_loss": math.nan, "val_auc": math.nan}
        probabilities /= probabilities.sum(axis=1, keepdims=True)  # in float32 they add up to nearly 1
        return {
            "val_loss": float(log_loss(self.label_indices, probabilities, labels=range(self.coding.classes))),
            "val_auc": float(roc_auc_score(positive, scores)) if 0 < positive.sum() < positive.size else math.nan,
        }


def compile_model(
    model: keras.Model,
    settings: TrainSettings,
    phase: PhaseSettings,
    coding: LabelCoding,
    steps: int,
    xla: bool,
    steps_at_once: int = 1,
) -> None:
    """Makes a model ready to fit.

    Args:
        settings: of the whole training.
        phase: of this phase.
        steps: batches in an epoch.
        steps_at_once: after how many Python takes over again, for steps that are shorter than that takes.
    """
    rate = learning_rate(phase.schedule, phase.learning_rate, phase.warm_up, phase.epochs, steps)
    accumulation = settings.gradient_accumulation
    optimizer = keras.optimizers.get(
        {
            "class_name": settings.optimizer,
            "config": {
                "learning_rate": rate,
                "gradient_accumulation_steps": accumulation if accumulation > 1 else None,
            },
        }
    )
    loss = make_loss(settings.loss, settings.focal_gamma, coding)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=xla, steps_per_execution=steps_at_once)


def class_weights(label_indices: NDArray[np.int64], coding: LabelCoding) -> dict[int, float]:
    """Weight of each target value: images / (classes * images of the class), as scikit-learn's `balanced`."""
    counts = np.bincount(label_indices, minlength=coding.classes)
    weights = label_indices.size / (coding.classes * counts)
    if coding.binary:
        return {0: float(weights[1 - coding.positive]), 1: float(weights[coding.positive])}
    return {index: float(weight) for index, weight in enumerate(weights)}


def fit(
    model: keras.Model,
    batches: Any,
    validation: Validation,
    phase: PhaseSettings,
    monitor: str,
    weights: Mapping[int, float] | None,
    task: str,
    checkpoint: Checkpoint | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Trains until the monitored value stops improving, and leaves the model with its best weights.

    A phase of which the checkpoint tells goes on where it was.

    Args:
        model: compiled.
        batches: of inputs and targets, anything that Keras's `fit` takes.
        monitor: val_auc or val_loss.
        task: the name of the phase, for the progress.
        checkpoint: where the state of the phase is kept; None keeps none.
    """
    keeping = KeepBest(monitor, phase.patience, phase.epochs, checkpoint)
    state = keeping.state
    if state.ended:
        model.set_weights(state.best_weights)
        return History(state.values, state.best_epoch)
    keeping.restore(model)
    model.fit(
        batches,
        initial_epoch=state.epochs,
        epochs=phase.epochs,
        class_weight=weights,
        # In this order: who comes later reads what the earlier ones wrote.
        callbacks=[
            _StopOnDivergence(),
            _AfterEachEpoch(validation.measure),
            keeping,
            _EpochProgress(task, phase.epochs),
            *callbacks,
        ],
        verbose=0,
    )
    return History(state.values, state.best_epoch)


class _AfterEachEpoch(keras.callbacks.Callback):
    def __init__(self, measure: Callable[[keras.Model], dict[str, float]]) -> None:
        super().__init__()
        self._measure = measure

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            logs.update(self._measure(self.model))


class _EpochProgress(keras.callbacks.Callback):
    def __init__(self, task: str, epochs: int) -> None:
        super().__init__()
        self._task = task
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        remark = ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items() if name in _SHOWN)
        report_progress(Progress(self._task, advance=1, total=self._epochs, remark=remark))


class _StopOnDivergence(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more; nothing after that step could be of use."""

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)  # the mean of the epoch so far: once no number, it stays so
        if not math.isfinite(loss):
            # Over several devices it is a variable that `float` does not take.
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            last = f"the last good state is that of epoch {self._epoch}" if self._epoch else "no epoch was completed"
            raise BreastImagingError(
                f"Trainer: the loss became {loss} in epoch {self._epoch + 1}, by step {batch + 1}, "
                f"at a learning rate of {rate:.3g}; {last}.",
                fix="lower the learning rate, for example --set train.learning_rate=1e-4",
            )
