"""Fits a model: loss, class weights, best weights on `eval`, early stopping, progress."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.progress import Progress, report_progress
from components.settings import TrainSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import LabelCoding
from schema.errors import BreastImagingError

TASK: Final = "training"
_MODES: Final = {"val_auc": "max", "val_loss": "min"}


@dataclass(frozen=True)
class History:
    """Values per epoch by Keras's names; `best_epoch`, counted from 1, is the one whose weights were kept."""

    values: dict[str, list[float]]
    best_epoch: int


@keras.saving.register_keras_serializable(package="breast_imaging")
class PositiveClassAUC(keras.metrics.AUC):
    """AUC of one class of a softmax against the rest, from label indices and (batch, classes)."""

    def __init__(self, positive: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positive = positive

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        is_positive = keras.ops.equal(keras.ops.cast(y_true, "int32"), self.positive)
        super().update_state(is_positive, y_pred[:, self.positive], sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "positive": self.positive}


def compile_model(network: keras.Model, settings: TrainSettings, coding: LabelCoding, xla: bool) -> keras.Model:
    """The network behind its augmentation, ready to fit."""
    inputs = keras.Input(network.input_shape[1:], name="image")
    model = keras.Model(inputs, network(augmentation(settings.augmentation, settings.seed)(inputs)))
    auc: keras.metrics.Metric
    if coding.binary:
        loss, auc = "binary_crossentropy", keras.metrics.AUC(name="auc")
    else:
        loss, auc = "sparse_categorical_crossentropy", PositiveClassAUC(coding.positive, name="auc")
    optimizer = keras.optimizers.get(
        {"class_name": settings.optimizer, "config": {"learning_rate": settings.learning_rate}}
    )
    model.compile(optimizer=optimizer, loss=loss, metrics=[auc], jit_compile=xla)
    return model


def class_weights(label_indices: NDArray[np.int64], coding: LabelCoding) -> dict[int, float]:
    """Weight of each target value: images / (classes * images of the class), as scikit-learn's `balanced`."""
    counts = np.bincount(label_indices, minlength=coding.classes)
    weights = label_indices.size / (coding.classes * counts)
    if coding.binary:
        return {0: float(weights[1 - coding.positive]), 1: float(weights[coding.positive])}
    return {index: float(weight) for index, weight in enumerate(weights)}


def fit(
    model: keras.Model,
    train: tf.data.Dataset,
    evaluation: tf.data.Dataset,
    settings: TrainSettings,
    weights: Mapping[int, float] | None,
) -> History:
    """Trains until the monitored value stops improving, and leaves the model with its best weights."""
    stopping = keras.callbacks.EarlyStopping(
        monitor=settings.monitor,
        mode=_MODES[settings.monitor],
        patience=settings.patience,
        restore_best_weights=True,
    )
    fitted = model.fit(
        train,
        validation_data=evaluation,
        epochs=settings.epochs,
        class_weight=weights,
        callbacks=[_StopOnDivergence(), stopping, _EpochProgress(settings.epochs)],
        verbose=0,
    )
    values = {name: [float(value) for value in series] for name, series in fitted.history.items()}
    return History(values, best_epoch=stopping.best_epoch + 1)


class _EpochProgress(keras.callbacks.Callback):
    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        shown = ("loss", "val_loss", "val_auc")
        remark = ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items() if name in shown)
        report_progress(Progress(TASK, advance=1, total=self._epochs, remark=remark))


class _StopOnDivergence(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more; nothing after that step could be of use."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise BreastImagingError(
                f"Trainer: the loss became {loss} in epoch {epoch + 1}.",
                fix="lower the learning rate, for example --set train.learning_rate=1e-4",
            )
