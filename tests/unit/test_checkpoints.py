"""A killed phase goes on where it was, and what cannot be read starts anew."""

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from components.settings import TrainSettings
from components.trainer import keep_best
from components.trainer.checkpoints import Checkpoint, PhaseState, checkpoint_folder, forget_checkpoints
from components.trainer.data import LabelCoding
from components.trainer.fit import History, Validation, compile_model, fit
from components.trainer.keep_best import is_better

CODING = LabelCoding(2, 1)
SETTINGS = TrainSettings(epochs=6, learning_rate=0.05, patience=6, monitor="val_loss", schedule="cosine")


class _KilledError(Exception):
    pass


class _Kill(keras.callbacks.Callback):
    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self._after:
            raise _KilledError


@pytest.fixture(autouse=True)
def _written_after_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_best, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)


def data() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    labels = np.arange(64) % 2
    return (generator.normal(0, 1, (64, 5)) + labels[:, None]).astype(np.float32), labels


def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, activation="sigmoid")])
    compile_model(network, SETTINGS, SETTINGS, CODING, 4, xla=False)
    return network


def train(network: keras.Model, checkpoint: Checkpoint | None, *callbacks: keras.callbacks.Callback) -> History:
    inputs, labels = data()
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels.astype(np.float32))).batch(16)
    validation = Validation(inputs[::-1].copy(), labels[::-1].copy(), CODING)
    return fit(network, batches, validation, SETTINGS, "val_loss", None, "training", checkpoint, callbacks)


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_killed_phase_ends_as_one_that_was_not_killed(tmp_path: Path, after: int) -> None:
    whole = model()
    expected = train(whole, None)
    checkpoint = Checkpoint(str(tmp_path / "a" / "phase.npz"))
    with pytest.raises(_KilledError):
        train(model(), checkpoint, _Kill(after))
    state = checkpoint.read()
    assert state is not None
    assert state.epochs == after
    assert not state.ended

    again = model()
    found = train(again, checkpoint)

    assert found == expected
    for one, other in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["phase.npz"]


def test_a_phase_that_has_ended_is_not_trained_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path / "phase.npz"))
    first = model()
    expected = train(first, checkpoint)
    second = model()

    found = train(second, checkpoint, _Kill(0))

    assert found == expected
    for one, other in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 damaged", b"no archive at all"])
def test_an_unreadable_checkpoint_is_named_and_left_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "phase.npz"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(str(path)).read() is None
    assert "phase.npz cannot be read" in caplog.text
    assert train(model(), Checkpoint(str(path))) == train(model(), None)


def test_a_truncated_checkpoint_is_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "phase.npz"
    Checkpoint(str(path)).write(PhaseState(weights=[np.arange(100.0)], values={"loss": [1.0]}))
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        assert Checkpoint(str(path)).read() is None


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "phase.npz"
    np.savez(path, facts=np.array([object()], dtype=object))

    assert Checkpoint(str(path)).read() is None


class _Artifact:
    def __init__(self, uri: str) -> None:
        self.uri = uri


def test_the_folder_is_that_of_the_work_and_not_of_the_attempt(tmp_path: Path) -> None:
    def folder(execution: int, uri: str = "x/1", **properties: Any) -> str:
        inputs: Any = {"examples": [_Artifact(uri)]}
        return checkpoint_folder(f"{tmp_path}/Trainer/model_run/{execution}", inputs, {"code": "a"} | properties)

    assert folder(7) == folder(8)
    assert folder(7).startswith(f"{tmp_path}/Trainer/checkpoints/")
    assert len({folder(7), folder(7, uri="x/2"), folder(7, code="b"), folder(7, seed=1)}) == 4
    Checkpoint(f"{folder(7)}/phase.npz").write(PhaseState())
    forget_checkpoints(folder(8))
    assert not Path(folder(7)).exists()
    forget_checkpoints(folder(8))


@pytest.mark.parametrize(
    ("value", "best", "monitor", "expected"),
    [
        (0.8, 0.7, "val_auc", True),
        (0.7, 0.7, "val_auc", False),
        (0.6, 0.7, "val_loss", True),
        (0.8, 0.7, "val_loss", False),
        (0.5, float("nan"), "val_auc", True),
        (float("nan"), 0.5, "val_auc", False),
        (float("nan"), float("nan"), "val_loss", False),
    ],
)
def test_better_is_higher_or_lower_and_never_no_number(
    value: float, best: float, monitor: str, expected: bool
) -> None:
    assert is_better(value, best, monitor) is expected
