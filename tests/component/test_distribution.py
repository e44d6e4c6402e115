"""Training over several devices, with two logical CPUs in place of two GPUs."""

import json
import subprocess
import sys

TRAIN = """
import json
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
from components.models.registry import get_model
from components.settings import ModelSettings, TrainSettings
from components.trainer.data import LabelCoding
from components.trainer.fit import compile_model, fit

keras.utils.set_random_seed(1)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
settings = TrainSettings(epochs=6, batch_size=16, learning_rate=0.003, monitor="val_loss")
spec, model_settings = get_model("cnn"), ModelSettings(image_size=(32, 32))
coding = LabelCoding(2, 1)
labels = np.arange(64) % 2
images = np.random.default_rng(0).normal(60, 20, (64, 32, 32, 3)) + 120 * labels[:, None, None, None]
data = tf.data.Dataset.from_tensor_slices((images.astype("float32"), labels.astype("float32")))
with strategy.scope():
    network = spec.build(model_settings, spec.input_shape(model_settings), 2).whole
    model = compile_model(network, settings, coding, xla=False)
history = fit(model, data.shuffle(64, seed=1).batch(16), data.batch(16), settings, {0: 1.0, 1: 1.0})
print("HISTORY" + json.dumps([strategy.num_replicas_in_sync, history.values["val_auc"], history.values["val_loss"]]))
"""


def test_mirrored_strategy_trains_on_two_devices() -> None:
    finished = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=False)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("HISTORY")]
    assert lines, finished.stderr[-3000:]
    replicas, auc, loss = json.loads(lines[0].removeprefix("HISTORY"))
    assert replicas == 2
    assert auc[-1] > 0.95
    assert loss[-1] < loss[0]
