"""Gathers what a run left behind into the content of its report."""

import base64
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final

import tensorflow_model_analysis as tfma
import yaml
from tfx import types
from tfx.components.evaluator import constants as evaluator_constants
from tfx.dsl.io import fileio

from components.clinical_evaluator.executor import read_evaluation
from components.data_gate.report import GateReport, read_report
from components.datasets.registry import get_dataset
from components.evaluator import eval_config
from components.evaluator.metrics import RECALL, confusion_key
from components.image_example_gen.pair_images import PairedImage, read_pair_images, read_thumbnail
from components.manifest import Manifest, groups_of, images_per_class, read_manifest, read_pairs
from components.publisher.executor import DESTINATION_PROPERTY, PUSHED_PROPERTY, VERSION_PROPERTY
from components.report.content import (
    CurvePoint,
    DataCheck,
    DataDifference,
    DroppedImage,
    GateCheck,
    ReportContent,
    ShownImage,
    ShownPair,
    SplitCount,
)
from components.settings import DataSettings, GateSettings, OperatingPointSettings
from schema import contract

_LIBRARIES: Final = ("tfx", "tensorflow", "keras", "tensorflow-data-validation", "tensorflow-model-analysis")
_DRIFT: Final = "drift"
_CANDIDATE: Final = "candidate"  # as TFMA names the models when there are two
_BASELINE: Final = "baseline"


@dataclass(frozen=True)
class Sources:
    """The artifacts that a report is made of."""

    manifest: types.Artifact
    data_gate: types.Artifact
    model: types.Artifact
    model_run: types.Artifact
    evaluation: types.Artifact
    blessing: types.Artifact
    clinical_evaluation: types.Artifact
    pushed_model: types.Artifact


@dataclass(frozen=True)
class ModelMetrics:
    """Attributes:
    auc, recall, auc_precision_recall: of the positive class on `test`.
    confusion: images by true and predicted class at the operating point.
    curve: counts at many thresholds.
    """

    auc: float
    recall: float
    auc_precision_recall: float
    confusion: list[list[int]]
    curve: list[CurvePoint]


def gather(sources: Sources, configuration: str) -> ReportContent:
    """Reads the artifacts of one run. `configuration` is the run's, as YAML."""
    config: dict[str, Any] = yaml.safe_load(configuration)
    data, gate = DataSettings.model_validate(config["data"]), GateSettings.model_validate(config["gate"])
    dataset = get_dataset(data.dataset)
    manifest = read_manifest(sources.manifest.uri)
    gate_report = read_report(sources.data_gate.uri)
    training = _read_json(os.path.join(sources.model_run.uri, contract.TRAINING_FILE))
    baseline_id = sources.blessing.get_int_custom_property(
        evaluator_constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY
    )
    candidate = read_metrics(sources.evaluation.uri, _CANDIDATE if baseline_id else "", data)
    baseline = read_metrics(sources.evaluation.uri, _BASELINE, data) if baseline_id else None
    clinical = read_evaluation(sources.clinical_evaluation.uri)
    pushed = sources.pushed_model.get_int_custom_property(PUSHED_PROPERTY) == 1
    return ReportContent(
        run_name=config["name"],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        dataset_title=dataset.title,
        modality=dataset.modality,
        source=dataset.source,
        labels=list(data.labels),
        positive_label=data.positive_label,
        splits=count_splits(manifest, data.labels),
        dropped=[DroppedImage(source=e.source, reason=e.dropped) for e in manifest if e.dropped],
        data_checks=list_data_checks(gate_report),
        differences=[DataDifference(**found.model_dump()) for found in gate_report.differences],
        notes=gate_report.notes,
        pairs_found=len(read_pairs(sources.manifest.uri)),
        pairs=show_pairs(sources.manifest.uri),
        architecture=config["model"]["architecture"],
        parameters=training["parameters"],
        image_size=training["image_size"],
        history=training["history"],
        best_epoch=training["best_epoch"],
        threshold=training["threshold"],
        threshold_reason=explain_threshold(OperatingPointSettings.model_validate(config["operating_point"])),
        checks=make_checks(gate, candidate, baseline),
        baseline=f"model {baseline_id}" if baseline_id else None,
        blessed=clinical.verdict.blessed and _is_blessed(sources.blessing),
        published_version=sources.pushed_model.get_string_custom_property(VERSION_PROPERTY) if pushed else None,
        published_path=sources.pushed_model.get_string_custom_property(DESTINATION_PROPERTY) if pushed else None,
        clinical=clinical,
        metrics=summarize(candidate, list(data.labels).index(data.positive_label)),
        confusion=candidate.confusion,
        curve=candidate.curve,
        lineage=_lineage(sources) | _tuned(training),
        configuration=configuration,
    )


def _is_blessed(blessing: types.Artifact) -> bool:
    blessed: int = blessing.get_int_custom_property(evaluator_constants.ARTIFACT_PROPERTY_BLESSED_KEY)
    return blessed == evaluator_constants.BLESSED_VALUE


def explain_threshold(settings: OperatingPointSettings) -> str:
    frozen = "on the eval split, and was frozen before the test split was read."
    match settings.rule:
        case "recall":
            return f"It is the highest threshold that gave a recall of at least {settings.target_recall:.3f} {frozen}"
        case "youden":
            return f"It is the threshold with the largest sum of sensitivity and specificity {frozen}"
        case "fixed":
            return "It is the one that the configuration fixes."


def list_data_checks(report: GateReport) -> list[DataCheck]:
    drift_was_sought = any(difference.second == contract.TRAIN for difference in report.differences)
    return [
        DataCheck(
            check=result.check,
            title=result.title,
            policy=result.policy,
            made=drift_was_sought or result.check != _DRIFT,
            findings=result.findings,
            dropped=len(result.dropped),
            fix=result.fix,
        )
        for result in report.results
    ]


def show_pairs(directory: str) -> list[ShownPair]:
    """The pairs that ingestion chose, with their thumbnails."""
    return [
        ShownPair(
            first=_show(directory, pair.first),
            second=_show(directory, pair.second),
            different_patients=pair.different_patients,
            similarity=pair.similarity,
            change=pair.change,
            same_picture=pair.same_picture,
        )
        for pair in read_pair_images(directory)
    ]


def make_checks(gate: GateSettings, candidate: ModelMetrics, baseline: ModelMetrics | None) -> list[GateCheck]:
    """The gate's thresholds beside what was measured."""
    checks = [
        _check(eval_config.AUC, "value", candidate.auc, gate.minimum_auc),
        _check(RECALL, "value", candidate.recall, gate.minimum_recall),
    ]
    if baseline is not None:
        checks += [
            _check(eval_config.AUC, "change", candidate.auc - baseline.auc, -gate.maximum_auc_drop),
            _check(RECALL, "change", candidate.recall - baseline.recall, -gate.maximum_recall_drop),
        ]
    return checks


def read_metrics(directory: str, model_name: str, data: DataSettings) -> ModelMetrics:
    """The metrics of one model over all of `test`, from TFMA's output."""
    labels = data.labels
    positive = list(labels).index(data.positive_label)
    result = tfma.load_eval_result(directory, model_name=model_name)
    (_, outputs), *_ = [entry for entry in result.slicing_metrics if entry[0] == ()]
    by_class = outputs[""]
    overall, ranking = by_class[""], by_class[f"classId:{positive}"]
    (_, plots), *_ = [entry for entry in result.plots if entry[0] == ()]
    matrices = plots[""][f"classId:{positive}"]["confusionMatrixAtThresholds"]["matrices"]
    return ModelMetrics(
        auc=_value(ranking[eval_config.AUC]),
        recall=_value(overall[RECALL]),
        auc_precision_recall=_value(ranking[eval_config.AUC_PRECISION_RECALL]),
        confusion=[
            [round(_value(overall[confusion_key(true, predicted)])) for predicted in range(len(labels))]
            for true in range(len(labels))
        ],
        curve=[_curve_point(matrix) for matrix in matrices],
    )


def summarize(metrics: ModelMetrics, positive: int) -> dict[str, float]:
    """Named metrics for the report; those that are undefined (0/0) are left out."""
    confusion = metrics.confusion
    total = sum(map(sum, confusion))
    positives = sum(confusion[positive])
    hits = confusion[positive][positive]
    named = sum(row[positive] for row in confusion)
    negatives = total - positives
    recalls = [_ratio(row[index], sum(row)) for index, row in enumerate(confusion)]
    values = {
        "auc": metrics.auc,
        "auc_precision_recall": metrics.auc_precision_recall,
        "recall": metrics.recall,
        "specificity": _ratio(negatives - (named - hits), negatives),
        "precision": _ratio(hits, named),
        "f1": _ratio(2 * hits, positives + named),
        "accuracy": _ratio(sum(confusion[index][index] for index in range(len(confusion))), total),
        "balanced_accuracy": sum(recalls) / len(recalls),
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _show(directory: str, image: PairedImage) -> ShownImage:
    encoded = base64.b64encode(read_thumbnail(directory, image)).decode()
    return ShownImage(**image.model_dump(exclude={"file"}), picture=f"data:image/png;base64,{encoded}")


def _check(metric: str, kind: str, observed: float, bound: float) -> GateCheck:
    if not math.isfinite(observed):
        return GateCheck(metric=metric, kind=kind, observed=None, bound=bound, passed=False)
    return GateCheck(metric=metric, kind=kind, observed=observed, bound=bound, passed=observed >= bound)


def count_splits(manifest: Manifest, labels: Sequence[str]) -> list[SplitCount]:
    return [
        SplitCount(
            split=split,
            images=images_per_class(manifest, split, labels),
            groups=len(groups_of(manifest, split)),
        )
        for split in contract.SPLITS
    ]


def _lineage(sources: Sources) -> dict[str, str]:
    versions = {library: metadata.version(library) for library in ("breast-imaging", *_LIBRARIES)}
    identities = {f"{name} artifact": str(artifact.id) for name, artifact in vars(sources).items()}
    return versions | identities


def _tuned(training: Mapping[str, Any]) -> dict[str, str]:
    """What was trained with in the place of the configuration, which the report shows as it is."""
    return {f"tuned {key}": str(value) for key, value in training.get("tuned", {}).items()}


def _curve_point(matrix: Mapping[str, float]) -> CurvePoint:
    return CurvePoint(
        threshold=matrix.get("threshold", 0.0),
        true_positives=matrix.get("truePositives", 0.0),
        false_positives=matrix.get("falsePositives", 0.0),
        true_negatives=matrix.get("trueNegatives", 0.0),
        false_negatives=matrix.get("falseNegatives", 0.0),
    )


def _value(metric: Mapping[str, Any]) -> float:
    return float(metric.get("doubleValue", math.nan))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def _read_json(path: str) -> Any:
    with fileio.open(path, "rb") as file:
        return json.loads(file.read())
