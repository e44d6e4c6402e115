"""Writes what each epoch measured for TensorBoard."""

from collections.abc import Mapping

import keras
import tensorflow as tf


class EpochLog(keras.callbacks.Callback):
    """One curve for each measured value, over the epochs, counted from 1.

    Keras's own callback needs TensorBoard where the training runs; this one needs it only where somebody looks.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._writer = tf.summary.create_file_writer(self._folder)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin)
        with self._writer.as_default():
            for name, value in (logs or {}).items():
                tf.summary.write(name, tf.constant(value, tf.float32), step=epoch + 1, metadata=metadata)
        self._writer.flush()  # for who watches, and for what is left of a run that is interrupted

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self._writer.close()
