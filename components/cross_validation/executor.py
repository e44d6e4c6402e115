"""Trains and tests once for each fold, and pools the predictions."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils, standard_component_specs

from components.cross_validation.content import CrossValidationSummary, Figure, FoldSummary
from components.cross_validation.folds import Turn, turns
from components.cross_validation.measures import Pooled
from components.cross_validation.report import write_report
from components.example_files import split_patterns
from components.features.store import ImageFeatures, join_features, read_features
from components.manifest import read_manifest
from components.measures.group_bootstrap import Interval, group_intervals
from components.measures.known import known
from components.models.registry import get_model
from components.settings import CrossValidationSettings
from components.trainer.calibration import apply_temperature
from components.trainer.checkpoints import checkpoint_folder, forget_checkpoints
from components.trainer.data import label_coding, read_examples
from components.trainer.decision import Decision, choose_decision
from components.trainer.devices import plan_compute
from components.trainer.export import decided_class
from components.trainer.learning_set import LearningSet, learning_set
from components.trainer.phases import Task, train_members
from components.trainer.predictor import build_predictor, predict_probabilities
from schema import contract

EXAMPLES_KEY: Final = standard_component_specs.EXAMPLES_KEY
FEATURES_KEY: Final = "features"
MANIFEST_KEY: Final = "manifest"
REPORT_KEY: Final = "report"
SETTINGS_KEY: Final = "settings"
REPLICATES: Final = 2_000


@dataclass(frozen=True)
class _Tested:
    """One fold. Attributes: probabilities: calibrated, of its test images; best_epochs: of the members."""

    turn: Turn
    probabilities: NDArray[np.float64]
    decided: NDArray[np.int64]
    decision: Decision
    best_epochs: list[int]


class Executor(base_executor.BaseExecutor):
    """Cross-validates; see `component.CrossValidator`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = CrossValidationSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        groups_of = {
            entry.source: entry.group
            for entry in read_manifest(artifact_utils.get_single_uri(input_dict[MANIFEST_KEY]))
        }
        report = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
        checkpoints = checkpoint_folder(report, input_dict, exec_properties)
        task = _task(settings, checkpoints)
        images = _all_images(settings, task, input_dict)
        sources = images.examples.sources()
        groups = [groups_of[source] for source in sources]
        truth = images.examples.label_indices()
        labels = [settings.trainer.labels[index] for index in truth]
        all_turns = turns(groups, labels, settings.folds, settings.split, settings.seed)
        tested = [
            _test_fold(settings, task, images, turn, f"fold {number} of {settings.folds}, ")
            for number, turn in enumerate(all_turns, start=1)
        ]
        pooled = _pool(tested, settings, task, truth)
        fold_of = _fold_of(tested, len(sources))
        rows = [
            (source, label, group, int(fold), settings.trainer.labels[decided], *map(float, probabilities))
            for source, label, group, fold, decided, probabilities in zip(
                sources, labels, groups, fold_of, pooled.decided, pooled.probabilities, strict=True
            )
        ]
        header = ("source", "label", "group", "fold", "decided", *settings.trainer.labels)
        write_report(_summarize(tested, pooled, groups, settings), header, rows, report)
        forget_checkpoints(checkpoints)


def _task(settings: CrossValidationSettings, checkpoints: str) -> Task:
    trainer = settings.trainer
    return Task(
        get_model(trainer.model.architecture),
        trainer.model,
        trainer.train,
        label_coding(trainer),
        plan_compute(trainer.train),
        checkpoints,
    )


def _all_images(
    settings: CrossValidationSettings, task: Task, input_dict: Mapping[str, list[types.Artifact]]
) -> LearningSet:
    """The images of all splits."""
    examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
    patterns = split_patterns(examples, contract.SPLITS)
    transformed = task.spec.transform_settings(task.model)
    return learning_set(read_examples(patterns, transformed), _features(input_dict))


def _features(input_dict: Mapping[str, list[types.Artifact]]) -> ImageFeatures | None:
    if not input_dict.get(FEATURES_KEY):
        return None
    root = artifact_utils.get_single_uri(input_dict[FEATURES_KEY])
    return join_features([read_features(os.path.join(root, f"Split-{split}")) for split in contract.SPLITS])


def _test_fold(settings: CrossValidationSettings, task: Task, images: LearningSet, turn: Turn, title: str) -> _Tested:
    trainer = settings.trainer
    train, evaluation, test = (images.subset(part) for part in (turn.train, turn.evaluation, turn.test))
    trained = train_members(task, train, evaluation, [None] * trainer.train.members, title)
    network = build_predictor(task, [each.weights for each in trained], trainer.prediction.views).network
    decision = choose_decision(
        predict_probabilities(network, evaluation.examples, task),
        evaluation.examples.label_indices(),
        task.coding,
        trainer.prediction,
        trainer.operating_point,
    )
    probabilities = apply_temperature(predict_probabilities(network, test.examples, task), decision.temperature)
    decided = decided_class(tf.constant(probabilities), task.coding, decision.threshold).numpy()
    keras.backend.clear_session()  # the graphs of the folds would pile up
    return _Tested(turn, probabilities.astype(np.float64), decided, decision, [each.best_epoch for each in trained])


def _pool(tested: list[_Tested], settings: CrossValidationSettings, task: Task, truth: NDArray[np.int64]) -> Pooled:
    probabilities = np.full((len(truth), task.coding.classes), np.nan)
    decided = np.full(len(truth), -1)
    for fold in tested:
        probabilities[fold.turn.test] = fold.probabilities
        decided[fold.turn.test] = fold.decided
    return Pooled(settings.trainer.labels, task.coding.positive, truth, probabilities, decided)


def _fold_of(tested: list[_Tested], images: int) -> NDArray[np.intp]:
    """(images,), counted from 1."""
    folds = np.zeros(images, np.intp)
    for number, fold in enumerate(tested, start=1):
        folds[fold.turn.test] = number
    return folds


def _summarize(
    tested: list[_Tested], pooled: Pooled, groups: list[str], settings: CrossValidationSettings
) -> CrossValidationSummary:
    intervals = group_intervals(groups, pooled.measure, REPLICATES, settings.seed)
    return CrossValidationSummary(
        labels=list(settings.trainer.labels),
        positive_label=settings.trainer.positive_label,
        images=len(groups),
        groups=len(set(groups)),
        replicates=REPLICATES,
        pooled={name: _figure(interval) for name, interval in intervals.items()},
        folds=[_summarize_fold(fold, pooled, groups) for fold in tested],
    )


def _summarize_fold(fold: _Tested, pooled: Pooled, groups: list[str]) -> FoldSummary:
    is_test = np.zeros(len(groups))
    is_test[fold.turn.test] = 1.0
    return FoldSummary(
        train_images=len(fold.turn.train),
        eval_images=len(fold.turn.evaluation),
        test_images=len(fold.turn.test),
        test_groups=len({groups[row] for row in fold.turn.test}),
        temperature=fold.decision.temperature,
        threshold=fold.decision.threshold,
        best_epochs=fold.best_epochs,
        figures={name: known(float(value)) for name, value in pooled.measure(is_test).items()},
    )


def _figure(interval: Interval) -> Figure:
    return Figure(value=known(interval.value), low=known(interval.low), high=known(interval.high))
