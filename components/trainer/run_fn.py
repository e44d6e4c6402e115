"""The Trainer's entry point: an outline, whose steps are in the modules beside it."""

import json
import os
from typing import Any, Final

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.features.store import read_features
from components.models.registry import get_model
from components.settings import TrainerSettings, TransformSettings
from components.trainer.data import evaluation_batches, label_coding, read_examples
from components.trainer.decision import Decision, choose_decision
from components.trainer.devices import plan_compute
from components.trainer.export import ServedModel, export
from components.trainer.learning_set import LearningSet, learning_set
from components.trainer.phases import Task, TrainedNetwork, train_network
from components.trainer.predictor import build_predictor
from components.trainer.training_record import record_training
from schema import contract

SETTINGS_KEY: Final = "settings"
FEATURES_KEY: Final = "features"


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, chooses weights, temperature and operating point on `eval`, exports; never sees `test`."""
    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS_KEY])
    features = fn_args.custom_config.get(FEATURES_KEY)
    spec = get_model(settings.model.architecture)
    shape = spec.input_shape(settings.model)
    transformed = TransformSettings(height=shape.height, width=shape.width, channels=shape.channels)
    task = Task(spec, settings.model, settings.train, label_coding(settings), plan_compute(settings.train))
    train = _learning_set(fn_args.train_files, transformed, features, contract.TRAIN)
    evaluation = _learning_set(fn_args.eval_files, transformed, features, contract.EVAL)

    trained = [
        train_network(task, train, evaluation, settings.train.seed + member)
        for member in range(settings.train.members)
    ]
    network = build_predictor(task, [each.weights for each in trained], settings.prediction.views)
    decision = _decide(network, evaluation, task, settings)
    served = ServedModel(
        settings.model_name,
        network,
        tft.TFTransformOutput(fn_args.transform_output),
        transformed,
        settings.labels,
        task.coding,
        decision,
    )
    export(served, fn_args.serving_model_dir)
    _write_record(fn_args.model_run_dir, trained, network, decision, transformed)


def _learning_set(files: list[str], shape: TransformSettings, features: str | None, split: str) -> LearningSet:
    return learning_set(
        read_examples(files, shape), read_features(os.path.join(features, f"Split-{split}")) if features else None
    )


def _decide(network: keras.Model, evaluation: LearningSet, task: Task, settings: TrainerSettings) -> Decision:
    batches = evaluation_batches(evaluation.examples, task.coding, settings.train.batch_size)
    outputs = network.predict(batches.map(lambda image, _: image), verbose=0)
    return choose_decision(
        task.coding.to_probabilities(tf.constant(outputs)).numpy(),
        evaluation.examples.label_indices(),
        task.coding,
        settings.prediction,
        settings.operating_point,
    )


def _write_record(
    directory: str,
    trained: list[TrainedNetwork],
    network: keras.Model,
    decision: Decision,
    shape: TransformSettings,
) -> None:
    record: dict[str, Any] = record_training(trained, network.count_params(), decision, shape)
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, contract.TRAINING_FILE), "w") as file:
        file.write(json.dumps(record))
