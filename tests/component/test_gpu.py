"""What only a GPU can show: `python -m pytest -m gpu`. Without one these fail, since they were asked for."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.settings import TrainSettings
from components.trainer.devices import plan_compute
from components.trainer.phases import train_network
from tests.training import learning_set_of, pretrained, task_of

pytestmark = pytest.mark.gpu


def test_tensorflow_sees_a_gpu_and_the_plan_uses_it() -> None:
    plan = plan_compute(TrainSettings(require_gpu=True))

    assert plan.precision in ("mixed_bfloat16", "mixed_float16")
    assert plan.xla


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_each_precision_trains_to_finite_float32_weights(
    precision: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert tf.config.list_physical_devices("GPU")
    model = pretrained(tmp_path_factory.mktemp("weights"))
    task = task_of(model, epochs=3, batch_size=8, precision=precision, xla=True, fine_tuning={"epochs": 1})
    task = dataclasses.replace(task, compute=plan_compute(task.train))

    trained = train_network(task, learning_set_of(task, 24, 1), learning_set_of(task, 16, 2), seed=0)

    assert all(np.isfinite(weights).all() and weights.dtype == np.float32 for weights in trained.weights)
