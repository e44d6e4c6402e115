"""Keeps the weights of the best epoch, ends a phase that gets no better, and lets a killed one go on."""

import math
import time
from collections.abc import Mapping
from typing import Final

import keras

from components.trainer.checkpoints import Checkpoint, PhaseState

_HIGHER_IS_BETTER: Final = {"val_auc": True, "val_loss": False}
SECONDS_BETWEEN_CHECKPOINTS: Final = 30.0


def is_better(value: float, best: float, monitor: str) -> bool:
    """Whether one value of `val_auc` or `val_loss` is better than another; any is better than no number."""
    if math.isnan(best):
        return not math.isnan(value)
    return value > best if _HIGHER_IS_BETTER[monitor] else value < best


class KeepBest(keras.callbacks.Callback):
    """Early stopping that can be taken up again.

    Keras's own callbacks for the two do not know of each other: after a restart, EarlyStopping has forgotten which
    epoch was the best.
    """

    def __init__(self, monitor: str, patience: int, epochs: int, checkpoint: Checkpoint | None) -> None:
        """Attributes: epochs: of the whole phase; checkpoint: None where the phase is too short to be kept."""
        super().__init__()
        self._monitor = monitor
        self._patience = patience
        self._epochs = epochs
        self._checkpoint = checkpoint
        self._written = time.monotonic()
        self.state = (checkpoint and checkpoint.read()) or PhaseState()

    def restore(self, model: keras.Model) -> None:
        """Gives a compiled model the weights and the state of the optimizer that the checkpoint holds, if any."""
        if not self.state.epochs:
            return
        model.set_weights(self.state.weights)
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(model.optimizer.variables, self.state.optimizer, strict=True):
            variable.assign(value)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            self.state.values.setdefault(name, []).append(float(value))
        watched = self.state.values[self._monitor]
        if self.state.best_epoch == 0 or is_better(watched[-1], watched[self.state.best_epoch - 1], self._monitor):
            self.state.best_epoch = epoch + 1
            self.state.best_weights = self.model.get_weights()
        waited = epoch + 1 - self.state.best_epoch
        self.state.ended = waited >= self._patience or epoch + 1 >= self._epochs
        self.model.stop_training = self.state.ended
        self._keep()

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self.model.set_weights(self.state.best_weights)

    def _keep(self) -> None:
        """After some time only, since short trainings are sooner repeated than written down."""
        if self._checkpoint is None:
            return
        if not self.state.ended and time.monotonic() - self._written < SECONDS_BETWEEN_CHECKPOINTS:
            return
        if self.state.ended:  # nothing will go on from here
            self.state.weights, self.state.optimizer = [], []
        else:
            self.state.weights = self.model.get_weights()
            self.state.optimizer = [variable.numpy() for variable in self.model.optimizer.variables]
        self._checkpoint.write(self.state)
        self._written = time.monotonic()
