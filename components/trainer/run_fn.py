"""The Trainer's entry point: an outline, whose steps are in the modules beside it."""

import json
import os
from typing import Final

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray
from tfx.components.trainer.fn_args_utils import FnArgs

from components.models.registry import get_model
from components.models.weights import load_weights
from components.settings import TrainerSettings, TransformSettings
from components.trainer.data import (
    evaluation_batches,
    label_coding,
    read_examples,
    training_batches,
)
from components.trainer.devices import plan_compute
from components.trainer.export import ServedModel, export
from components.trainer.fit import History, class_weights, compile_model, fit
from components.trainer.operating_point import threshold_for_recall

SETTINGS_KEY: Final = "settings"
TRAINING_FILE: Final = "training.json"


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, chooses weights and operating point on `eval`, exports; never sees `test`."""
    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS_KEY])
    keras.utils.set_random_seed(settings.train.seed)
    compute = plan_compute(settings.train)
    keras.config.set_dtype_policy(compute.precision)

    spec = get_model(settings.model.architecture)
    shape = spec.input_shape(settings.model)
    transformed = TransformSettings(height=shape.height, width=shape.width, channels=shape.channels)
    coding = label_coding(settings)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    train = read_examples(fn_args.train_files, transformed)
    evaluation = read_examples(fn_args.eval_files, transformed)

    with compute.strategy.scope():
        built = spec.build(settings.model, shape, coding.classes)
        load_weights(built, spec, settings.model)
        trained = built.whole
        model = compile_model(trained, settings.train, coding, compute.xla)
    weights = class_weights(train.label_indices(), coding) if settings.train.class_weights == "balanced" else None
    batch_size = settings.train.batch_size
    eval_batches = evaluation_batches(evaluation, coding, batch_size)
    history = fit(
        model,
        training_batches(train, coding, batch_size, settings.train.seed),
        eval_batches,
        settings.train,
        weights,
    )

    # 16-bit types are for training. Rounded to them, a served model would answer otherwise on other hardware.
    keras.config.set_dtype_policy("float32")
    network = spec.build(settings.model, shape, coding.classes).whole
    network.set_weights(trained.get_weights())
    threshold = _choose_threshold(network, eval_batches, evaluation.label_indices(), settings)
    served = ServedModel(
        settings.model_name, network, transform_output, transformed, settings.labels, coding, threshold
    )
    export(served, fn_args.serving_model_dir)
    _write_training(fn_args.model_run_dir, history, network.count_params(), threshold, transformed)


def _choose_threshold(
    network: keras.Model,
    batches: tf.data.Dataset,
    label_indices: NDArray[np.int64],
    settings: TrainerSettings,
) -> float:
    coding = label_coding(settings)
    probabilities = coding.to_probabilities(tf.constant(network.predict(batches, verbose=0))).numpy()
    return threshold_for_recall(
        label_indices == coding.positive,
        probabilities[:, coding.positive],
        settings.operating_point.target_recall,
    )


def _write_training(
    directory: str, history: History, parameters: int, threshold: float, shape: TransformSettings
) -> None:
    tf.io.gfile.makedirs(directory)
    training = {
        "history": history.values,
        "best_epoch": history.best_epoch,
        "parameters": parameters,
        "threshold": threshold,
        "image_size": [shape.height, shape.width],
    }
    with tf.io.gfile.GFile(os.path.join(directory, TRAINING_FILE), "w") as file:
        file.write(json.dumps(training))
