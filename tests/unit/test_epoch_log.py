"""The curves that TensorBoard shows."""

from pathlib import Path

import pytest
import tensorflow as tf

from components.trainer.epoch_log import EpochLog


def test_every_value_of_every_epoch_is_written_as_a_curve(tmp_path: Path) -> None:
    log = EpochLog(str(tmp_path / "seed 0, training"))

    log.on_epoch_end(0, {"loss": 0.5, "val_auc": 0.75})
    log.on_epoch_end(1, {"loss": 0.25, "val_auc": float("nan")})

    found = {}
    for file in sorted((tmp_path / "seed 0, training").iterdir()):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert found == pytest.approx(
        {("loss", 1): 0.5, ("val_auc", 1): 0.75, ("loss", 2): 0.25, ("val_auc", 2): float("nan")}, nan_ok=True
    )
