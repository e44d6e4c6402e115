"""Gathers what a run or an evaluation left behind into the content of its report."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import yaml
from tfx import types
from tfx.utils import io_utils

from components.clinical_evaluator.content import PREDICTIONS_FILE, ClinicalEvaluation
from components.clinical_evaluator.executor import read_evaluation
from components.clinical_evaluator.predictions_table import parse_predictions
from components.clinical_evaluator.scored_images import ScoredImages
from components.example_files import split_patterns
from components.heat_map_evaluator.executor import read_heat_map_evaluation
from components.model_files import saved_model_folder
from components.publisher.executor import (
    DESTINATION_PROPERTY,
    PUSHED_PROPERTY,
    VALIDATED_BY_PROPERTY,
    VERSION_PROPERTY,
)
from components.report.content import Publication, ReportContent, Training
from components.report.examined import show_images
from components.report.gathered_data import gather_data
from components.report.gathered_gate import gather_gate
from components.report.lineage import Origin, lineage, tuned
from components.report.threshold_counts import threshold_counts
from components.report.thumbnails import sample_images
from components.settings import DataSettings, GateSettings, OperatingPointSettings
from schema import contract

_CAME_WITH_THE_MODEL: Final = "It came with the model, frozen when that was trained."


@dataclass(frozen=True)
class EvaluationArtifacts:
    """What the report of an evaluation is made of.

    Attributes:
        examples: as ingested.
        heat_map_evaluation: None for data without lesion masks.
    """

    manifest: types.Artifact
    data_gate: types.Artifact
    examples: types.Artifact
    model: types.Artifact
    clinical_evaluation: types.Artifact
    heat_map_evaluation: types.Artifact | None = None


@dataclass(frozen=True, kw_only=True)
class RunArtifacts(EvaluationArtifacts):
    """What the report of a run is made of."""

    model_run: types.Artifact
    evaluation: types.Artifact
    blessing: types.Artifact
    pushed_model: types.Artifact
    infra_blessing: types.Artifact


def gather_run(found: RunArtifacts, origin: Origin) -> ReportContent:
    config: dict[str, Any] = yaml.safe_load(origin.configuration)
    data, gate = DataSettings.model_validate(config["data"]), GateSettings.model_validate(config["gate"])
    training = json.loads(io_utils.read_bytes_file(os.path.join(found.model_run.uri, contract.TRAINING_FILE)))
    report = _gather(found, origin, config, data, (contract.TRAIN,))
    return report.model_copy(
        update={
            "training": _training(training, config["model"]["architecture"]),
            "gate": gather_gate(found.evaluation.uri, found.blessing, report.clinical.verdict.blessed, data, gate),
            "publication": _publication(found.pushed_model, found.infra_blessing),
            "threshold_reason": OperatingPointSettings.model_validate(config["operating_point"]).reason,
            "lineage": report.lineage | tuned(training),
        }
    )


def gather_evaluation(found: EvaluationArtifacts, origin: Origin) -> ReportContent:
    config: dict[str, Any] = yaml.safe_load(origin.configuration)
    return _gather(found, origin, config, DataSettings.model_validate(config["data"]), contract.SPLITS)


def _gather(
    found: EvaluationArtifacts,
    origin: Origin,
    config: dict[str, Any],
    data: DataSettings,
    sampled_splits: Sequence[str],
) -> ReportContent:
    """What all reports have."""
    clinical = read_evaluation(found.clinical_evaluation.uri)
    images = read_scored_images(found.clinical_evaluation.uri, clinical)
    samples = sample_images(split_patterns(found.examples, sampled_splits), data.labels)
    return ReportContent(
        run_name=config["name"],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=gather_data(found.manifest.uri, found.data_gate.uri, samples, data),
        training=None,
        gate=None,
        publication=None,
        clinical=clinical,
        threshold_reason=_CAME_WITH_THE_MODEL,
        curve=threshold_counts(images),
        image_groups=show_images(
            images, split_patterns(found.examples, clinical.splits), saved_model_folder(found.model.uri)
        ),
        heat_maps=read_heat_map_evaluation(found.heat_map_evaluation.uri) if found.heat_map_evaluation else None,
        lineage=lineage(origin, vars(found)),
        configuration=origin.configuration,
    )


def read_scored_images(directory: str, clinical: ClinicalEvaluation) -> ScoredImages:
    """The answers that a clinical evaluation was computed from. Args: directory: of its artifact."""
    table = io_utils.read_bytes_file(os.path.join(directory, PREDICTIONS_FILE)).decode()
    return parse_predictions(table, clinical.labels, clinical.positive_label, clinical.operating_point.threshold)


def _training(record: dict[str, Any], architecture: str) -> Training:
    """Args: record: what the Trainer wrote down."""
    return Training(
        architecture=architecture,
        parameters=record["parameters"],
        image_size=record["image_size"],
        history=record["history"],
        best_epoch=record["best_epoch"],
    )


def _publication(pushed: types.Artifact, infra_blessing: types.Artifact) -> Publication | None:
    if pushed.get_int_custom_property(PUSHED_PROPERTY) != 1:
        return None
    return Publication(
        version=pushed.get_string_custom_property(VERSION_PROPERTY),
        path=pushed.get_string_custom_property(DESTINATION_PROPERTY),
        validated_by=infra_blessing.get_string_custom_property(VALIDATED_BY_PROPERTY),
    )
