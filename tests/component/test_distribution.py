"""Training over several devices, with two logical CPUs in place of two GPUs."""

import json
import subprocess
import sys
from typing import Any

import pytest

TRAIN = """
import dataclasses
import json
import tempfile
from pathlib import Path
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import numpy as np
from components.settings import ModelSettings
from components.trainer.devices import ComputePlan
from components.trainer.learning_set import learning_set
from components.trainer.phases import train_network
from schema.errors import BreastImagingError
from tests.training import learning_set_of, pretrained, task_of

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def over_devices(model, **train):
    task = task_of(model, batch_size=16, monitor="val_loss", **train)
    return dataclasses.replace(task, compute=ComputePlan(strategy, "float32", xla=False))

def summary(trained):
    finite = all(bool(np.isfinite(weight).all()) for weight in trained.weights)
    return [finite, {phase: history.values for phase, history in trained.histories.items()}]

model = pretrained(Path(tempfile.mkdtemp()))
task = over_devices(model, epochs=5, learning_rate=0.01, fine_tuning={"epochs": 2, "learning_rate": 0.003})
train, evaluation = learning_set_of(task, 33, seed=1, views=1, brightness=0.1), learning_set_of(task, 21, seed=2)
phases = train_network(task, train, evaluation, seed=3)

scratch = over_devices(ModelSettings(architecture="tiny", weights="none", dropout=0.0), epochs=3, learning_rate=0.01)
alone = learning_set(train.subset(np.arange(24)).examples, None), learning_set(evaluation.examples, None)
whole = train_network(scratch, *alone, seed=3)

train.features.maps[:] = np.nan
try:
    train_network(over_devices(model, epochs=1, learning_rate=0.25), train, evaluation, seed=3)
except BreastImagingError as error:
    failure = error.what
print("TRAINED" + json.dumps([strategy.num_replicas_in_sync, summary(phases), summary(whole), failure]))
"""


@pytest.fixture(scope="module")
def trained() -> list[Any]:
    finished = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=False)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("TRAINED")]
    assert lines, finished.stderr[-3000:]
    answer: list[Any] = json.loads(lines[0].removeprefix("TRAINED"))
    assert answer[0] == 2
    return answer


def test_mirrored_strategy_trains_both_phases_though_one_image_is_left_for_two_devices(trained: list[Any]) -> None:
    finite, histories = trained[1]

    assert finite
    assert list(histories) == ["training the head", "fine-tuning"]
    head, tuned = (history["val_loss"] for history in histories.values())
    assert (len(head), len(tuned)) == (5, 2)
    assert tuned[-1] < head[-1] < head[0]


def test_mirrored_strategy_trains_from_scratch_though_half_a_batch_is_left_for_two_devices(
    trained: list[Any],
) -> None:
    finite, histories = trained[2]

    assert finite
    assert list(histories) == ["training"]
    assert histories["training"]["loss"][-1] < histories["training"]["loss"][0]


def test_a_loss_that_is_no_number_is_told_over_several_devices_too(trained: list[Any]) -> None:
    assert trained[3] == (
        "Trainer: the loss became nan in epoch 1, by step 1, at a learning rate of 0.25; no epoch was completed."
    )
