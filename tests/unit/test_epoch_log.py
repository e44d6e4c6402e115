"""The curves that TensorBoard shows."""

from pathlib import Path

import pytest
import tensorflow as tf

from components.trainer.epoch_log import EpochLog


def curves(file: Path) -> dict[tuple[str, int], float]:
    found = {}
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_every_value_of_every_epoch_is_there_when_the_epoch_ends_in_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "seed 0, training"
    log = EpochLog(str(folder))
    log.on_train_begin()

    log.on_epoch_end(0, {"loss": 0.5, "val_auc": 0.75})
    [file] = folder.iterdir()
    first = {("loss", 1): 0.5, ("val_auc", 1): 0.75}
    assert curves(file) == first
    log.on_epoch_end(1, {"loss": 0.25, "val_auc": float("nan")})
    log.on_train_end()

    assert list(folder.iterdir()) == [file]
    assert curves(file) == pytest.approx(first | {("loss", 2): 0.25, ("val_auc", 2): float("nan")}, nan_ok=True)
