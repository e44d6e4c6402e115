"""The Trainer's entry point: an outline, whose steps are in the modules beside it."""

import json
import os
from typing import Any, Final

import keras
import keras_tuner
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.models.registry import get_model
from components.settings import TrainerSettings, TransformSettings
from components.trainer.checkpoints import forget_checkpoints
from components.trainer.data import label_coding
from components.trainer.decision import Decision, choose_decision
from components.trainer.devices import plan_compute
from components.trainer.export import ServedModel, export
from components.trainer.learning_set import LearningSet, read_learning_set
from components.trainer.phases import Task, TrainedNetwork, train_members
from components.trainer.predictor import build_predictor, predict_probabilities
from components.trainer.training_record import record_training
from components.trainer.warm_start import Weights, read_members, write_members
from components.tuner.search_space import with_values
from schema import contract

SETTINGS_KEY: Final = "settings"
FEATURES_KEY: Final = "features"
CHECKPOINTS_KEY: Final = "checkpoints"


def run_fn(fn_args: FnArgs) -> None:
    """Trains on `train`, chooses weights, temperature and operating point on `eval`, exports; never sees `test`."""
    tuned = _tuned_values(fn_args)
    settings = with_values(TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS_KEY]), tuned)
    features = fn_args.custom_config.get(FEATURES_KEY)
    spec = get_model(settings.model.architecture)
    transformed = spec.transform_settings(settings.model)
    checkpoints = fn_args.custom_config.get(CHECKPOINTS_KEY, "")
    task = Task(
        spec,
        settings.model,
        settings.train,
        label_coding(settings),
        plan_compute(settings.train),
        checkpoints,
        logs=fn_args.model_run_dir,
    )
    train = read_learning_set(fn_args.train_files, transformed, features, contract.TRAIN)
    evaluation = read_learning_set(fn_args.eval_files, transformed, features, contract.EVAL)

    trained = train_members(task, train, evaluation, _starts(fn_args, settings.train.members))
    predictor = build_predictor(task, [each.weights for each in trained], settings.prediction.views)
    decision = _decide(predictor.network, evaluation, task, settings)
    served = ServedModel(
        settings.model_name,
        predictor,
        tft.TFTransformOutput(fn_args.transform_output),
        transformed,
        settings.labels,
        task.coding,
        decision,
    )
    export(served, fn_args.serving_model_dir)
    write_members(os.path.dirname(fn_args.serving_model_dir), [each.weights for each in trained])
    _write_record(fn_args.model_run_dir, trained, predictor.network, decision, transformed, tuned)
    forget_checkpoints(checkpoints)


def _starts(fn_args: FnArgs, members: int) -> list[Weights | None]:
    """What each member starts from: the weights of an earlier model's members in turn, or None for a fresh start."""
    if fn_args.base_model is None:
        return [None] * members
    earlier = read_members(os.path.dirname(fn_args.base_model))
    return [earlier[member % len(earlier)] for member in range(members)]


def _tuned_values(fn_args: FnArgs) -> dict[str, Any]:
    """What the Tuner chose, by the keys of the configuration; nothing where there was none."""
    if fn_args.hyperparameters is None:
        return {}
    values: dict[str, Any] = keras_tuner.HyperParameters.from_config(fn_args.hyperparameters).values
    return values


def _decide(network: keras.Model, evaluation: LearningSet, task: Task, settings: TrainerSettings) -> Decision:
    return choose_decision(
        predict_probabilities(network, evaluation.examples, task),
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
    tuned: dict[str, Any],
) -> None:
    record: dict[str, Any] = record_training(trained, network.count_params(), decision, shape, tuned)
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, contract.TRAINING_FILE), "w") as file:
        file.write(json.dumps(record))
