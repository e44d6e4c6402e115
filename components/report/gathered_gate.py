"""The gate's thresholds beside what TFMA measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import constants

from components.evaluator import eval_config
from components.evaluator.metrics import RECALL
from components.evaluator.refusals import read_refusals
from components.report.content import Gate, GateCheck
from components.settings import DataSettings, GateSettings

_CANDIDATE: Final = "candidate"  # as TFMA names the models when there are two
_BASELINE: Final = "baseline"


@dataclass(frozen=True)
class ModelMetrics:
    """Attributes: auc, recall: of the positive class on `test`; NaN where they are not defined."""

    auc: float
    recall: float


def gather_gate(
    evaluation: str, blessing: types.Artifact, clinically_blessed: bool, data: DataSettings, gate: GateSettings
) -> Gate:
    """Args:
    evaluation: folder of TFMA's output.
    blessing: by TFMA's thresholds.
    """
    baseline_id = _baseline_id(blessing)
    candidate = read_metrics(evaluation, _CANDIDATE if baseline_id else "", data)
    baseline = read_metrics(evaluation, _BASELINE, data) if baseline_id else None
    blessed: int = blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
    return Gate(
        checks=make_checks(gate, candidate, baseline),
        refusals=read_refusals(evaluation),
        baseline=f"model {baseline_id}" if baseline_id else None,
        blessed=clinically_blessed and blessed == constants.BLESSED_VALUE,
    )


def _baseline_id(blessing: types.Artifact) -> str:
    """Of the model compared with; empty where there was none. TFX writes a number, but for Kubeflow a name."""
    key = constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY
    name: str = blessing.get_string_custom_property(key)
    number: int = blessing.get_int_custom_property(key)
    return name or (str(number) if number else "")


def make_checks(gate: GateSettings, candidate: ModelMetrics, baseline: ModelMetrics | None) -> list[GateCheck]:
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
    positive = list(data.labels).index(data.positive_label)
    result = tfma.load_eval_result(directory, model_name=model_name)
    (_, outputs), *_ = [entry for entry in result.slicing_metrics if entry[0] == ()]
    by_class = outputs[""]
    return ModelMetrics(
        auc=_value(by_class[f"classId:{positive}"][eval_config.AUC]), recall=_value(by_class[""][RECALL])
    )


def _check(metric: str, kind: str, observed: float, bound: float) -> GateCheck:
    if not math.isfinite(observed):
        return GateCheck(metric=metric, kind=kind, observed=None, bound=bound, passed=False)
    return GateCheck(metric=metric, kind=kind, observed=observed, bound=bound, passed=observed >= bound)


def _value(metric: Mapping[str, Any]) -> float:
    return float(metric.get("doubleValue", math.nan))
