"""The gate as TFMA understands it: its thresholds by value, and the very point where each one closes."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import roc_auc_score
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2
from tensorflow_model_analysis.utils import config_util

from components.evaluator import refusals
from components.evaluator.eval_config import make_eval_config
from components.report.gathered_gate import ModelMetrics, make_checks
from components.settings import GateSettings
from schema import contract

LABELS = ("normal", "benign", "malignant")
GATE = GateSettings(minimum_auc=0.8, minimum_recall=0.7, maximum_auc_drop=0.02, maximum_recall_drop=0.05)


def _config(gate: GateSettings = GATE, positive: str = "malignant") -> config_pb2.EvalConfig:
    return make_eval_config(LABELS, positive, gate)


def _metric(config: config_pb2.EvalConfig, class_name: str) -> config_pb2.MetricConfig:
    """The first of its class, since the mean over the classes has a second AUC."""
    return next(m for spec in config.metrics_specs for m in spec.metrics if m.class_name == class_name)


def _gating(config: config_pb2.EvalConfig) -> list[str]:
    """Names of what has a threshold."""
    return [
        json.loads(m.config).get("name", m.class_name)
        for spec in config.metrics_specs
        for m in spec.metrics
        if m.HasField("threshold") or m.per_slice_thresholds
    ]


def test_the_model_is_asked_through_its_served_signature() -> None:
    (model,) = _config().model_specs

    assert model.signature_name == contract.SERVING_DEFAULT
    assert model.label_key == contract.LABEL_INDEX
    assert model.prediction_key == contract.PROBABILITIES


@pytest.mark.parametrize(("class_name", "minimum", "drop"), [("AUC", 0.8, 0.02), ("OperatingPointRecall", 0.7, 0.05)])
def test_thresholds_by_value(class_name: str, minimum: float, drop: float) -> None:
    (found,) = _metric(_config(), class_name).per_slice_thresholds
    threshold = found.threshold

    assert list(found.slicing_specs) == [config_pb2.SlicingSpec()]
    assert threshold.value_threshold.lower_bound.value == minimum
    assert not threshold.value_threshold.HasField("upper_bound")
    assert threshold.change_threshold.absolute.value == -drop
    assert not threshold.change_threshold.HasField("relative")
    assert threshold.change_threshold.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER


def test_nothing_else_gates() -> None:
    assert _gating(_config()) == ["auc", "OperatingPointRecall"]


@pytest.mark.parametrize(("positive", "position"), [("malignant", 2), ("normal", 0)])
def test_the_positive_class_is_told_by_its_position(positive: str, position: int) -> None:
    config = _config(positive=positive)

    assert list(config.metrics_specs[0].binarize.class_ids.values) == [position]
    assert json.loads(_metric(config, "OperatingPointRecall").config) == {"labels": [*LABELS], "positive": position}
    assert json.loads(_metric(config, "OperatingPointConfusion").config) == {"labels": [*LABELS]}
    assert json.loads(_metric(config, "OperatingPointMacroRecall").config) == {"labels": [*LABELS]}


def test_all_of_the_split_is_one_slice() -> None:
    assert [slicing.SerializeToString() for slicing in _config().slicing_specs] == [b""]


def test_slices_are_features_of_the_examples() -> None:
    config = _config(GateSettings(slices=("view", "size")))

    assert [list(slicing.feature_keys) for slicing in config.slicing_specs] == [
        [],
        ["attribute/view"],
        ["image/size_band"],
    ]


def _validate(gate: GateSettings, measured: dict[str, float], slice_key: tuple[tuple[str, str], ...] = ()) -> bool:
    """TFMA's verdict on one slice, by the names of the metrics, for a first model."""
    config = config_util.update_eval_config_with_defaults(_config(gate), has_baseline=False, rubber_stamp=True)
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    by_key = {key: measured[key.name] for key in thresholds}
    return bool(metrics_validator.validate_metrics((slice_key, by_key), config).validation_ok)


@pytest.mark.parametrize(("metric", "setting"), [("auc", "minimum_slice_auc"), ("recall", "minimum_slice_recall")])
def test_each_slice_is_held_to_its_own_minimum(metric: str, setting: str) -> None:
    asked: dict[str, Any] = {"minimum_auc": 0.8, "minimum_recall": 0.8, "slices": ("view",), setting: 0.5}
    gate = GateSettings(**asked)
    fine = {"auc": 0.9, "recall": 0.9}
    left = (("attribute/view", "CC"),)

    for value, passes in _around(0.5):
        assert _validate(gate, fine | {metric: value}, left) is passes
    assert not _validate(gate, fine | {metric: float("nan")}, left), "a slice without positive images"
    assert not _validate(gate, fine | {metric: 0.6}), "all images together have to reach more"
    assert _validate(GateSettings(**(asked | {setting: 0})), {"auc": 0.1, "recall": 0.1}, left)


@pytest.mark.parametrize(
    ("metric", "class_name"), [("macro_auc", "AUC"), ("macro_recall", "OperatingPointMacroRecall")]
)
def test_means_over_three_classes_gate_where_they_are_asked_for(metric: str, class_name: str) -> None:
    gate = GateSettings(**{f"minimum_{metric}": 0.75})
    fine = {"auc": 0.9, "recall": 0.9}

    assert set(_gating(_config(gate))) == {
        "auc",
        "OperatingPointRecall",
        metric if class_name == "AUC" else class_name,
    }
    for value, passes in _around(0.75):
        assert _validate(gate, fine | {metric: value}) is passes


def test_two_classes_have_no_means() -> None:
    config = make_eval_config(LABELS[1:], "malignant", GateSettings(minimum_macro_auc=0.9, minimum_macro_recall=0.9))

    assert _gating(config) == ["auc", "OperatingPointRecall"]


def _metrics(auc: float, recall: float) -> ModelMetrics:
    return ModelMetrics(auc=auc, recall=recall)


def _is_blessed(gate: GateSettings, candidate: ModelMetrics, baseline: ModelMetrics | None) -> bool:
    """TFMA's own verdict."""
    config = config_util.update_eval_config_with_defaults(
        _config(gate), has_baseline=baseline is not None, rubber_stamp=baseline is None
    )
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    measured = {}
    for key in [key for key in thresholds if key.model_name != constants.BASELINE_KEY]:
        value = getattr(candidate, key.name)
        if key.is_diff:
            assert baseline is not None
            value -= getattr(baseline, key.name)
        measured[key] = value
    assert {key.name for key in measured} == {"auc", "recall"}
    assert len(measured) == (2 if baseline is None else 4)
    return bool(metrics_validator.validate_metrics(((), measured), config).validation_ok)


def _around(bound: float) -> list[tuple[float, bool]]:
    """Values just below, at and just above a bound, with whether they pass."""
    return [(np.nextafter(bound, -1.0), False), (bound, True), (np.nextafter(bound, 2.0), True)]


@pytest.mark.parametrize(("auc", "passes"), [*_around(0.8), (float("nan"), False), (1.0, True), (0.0, False)])
def test_the_auc_gate_closes_just_below_its_minimum(auc: float, passes: bool) -> None:
    candidate = _metrics(auc, 1.0)

    assert _is_blessed(GATE, candidate, None) is passes
    assert [check.passed for check in make_checks(GATE, candidate, None)] == [passes, True]


@pytest.mark.parametrize(("recall", "passes"), [*_around(0.7), (float("nan"), False), (1.0, True), (0.0, False)])
def test_the_recall_gate_closes_just_below_its_minimum(recall: float, passes: bool) -> None:
    candidate = _metrics(1.0, recall)

    assert _is_blessed(GATE, candidate, None) is passes
    assert [check.passed for check in make_checks(GATE, candidate, None)] == [True, passes]


# Bounds and values that floating point holds exactly, so that the difference of two metrics is exact too.
EXACT = GateSettings(minimum_auc=0.25, minimum_recall=0.25, maximum_auc_drop=0.0625, maximum_recall_drop=0.125)
TINY = 2.0**-40


@pytest.mark.parametrize(
    ("auc", "recall", "passes"),
    [
        (0.75, 0.75, [True, True]),
        (0.75 - 0.0625 - TINY, 0.75, [False, True]),
        (0.75 - 0.0625, 0.75, [True, True]),
        (0.75 - 0.0625 + TINY, 0.75, [True, True]),
        (0.75, 0.75 - 0.125 - TINY, [True, False]),
        (0.75, 0.75 - 0.125, [True, True]),
        (0.75, 0.75 - 0.125 + TINY, [True, True]),
        (1.0, 1.0, [True, True]),
        (float("nan"), 0.75, [False, True]),
    ],
)
def test_the_change_gates_close_just_below_the_allowed_drop(auc: float, recall: float, passes: list[bool]) -> None:
    candidate, baseline = _metrics(auc, recall), _metrics(0.75, 0.75)

    assert _is_blessed(EXACT, candidate, baseline) is all(passes)
    assert [check.passed for check in make_checks(EXACT, candidate, baseline)][2:] == passes


def test_the_change_gates_hold_nobody_back_who_has_no_predecessor() -> None:
    assert _is_blessed(EXACT, _metrics(0.25, 0.25), None)
    assert not _is_blessed(EXACT, _metrics(0.25, 0.25), _metrics(0.75, 0.75))


@pytest.mark.parametrize("seed", range(3))
def test_the_report_agrees_with_tfma_whatever_was_measured(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(60):
        candidate = _metrics(*np.round(generator.uniform(0.6, 1.0, 2), 2).tolist())
        baseline = _metrics(*np.round(generator.uniform(0.6, 1.0, 2), 2).tolist())
        checks = make_checks(GATE, candidate, baseline)
        assert _is_blessed(GATE, candidate, baseline) is all(check.passed for check in checks)


def _refusals(gate: GateSettings, measured: dict[str, float], value: str = "") -> list[str]:
    """What is said of TFMA's verdict, on all images or on those of one view."""
    config = config_util.update_eval_config_with_defaults(_config(gate), has_baseline=False, rubber_stamp=True)
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    key = (("attribute/view", value),) if value else ()
    by_key = {metric: measured[metric.name] for metric in thresholds}
    return list(refusals._refusals(metrics_validator.validate_metrics((key, by_key), config)))


def test_what_is_refused_beside_the_figures_of_all_images_is_said() -> None:
    gate = GateSettings(
        minimum_auc=0.8, minimum_recall=0.8, slices=("view",), minimum_slice_recall=0.5, minimum_macro_auc=0.9
    )
    fine = {"auc": 0.9, "recall": 0.9, "macro_auc": 0.95}

    assert _refusals(gate, fine) == _refusals(gate, fine, "CC") == []
    assert _refusals(gate, fine | {"recall": 0.25}, "CC") == [
        "The recall where view is CC is 0.250; at least 0.500 is asked for."
    ]
    assert _refusals(gate, fine | {"macro_auc": 0.85}) == [
        "The mean AUC of the classes is 0.850; at least 0.900 is asked for."
    ]
    assert _refusals(gate, fine | {"auc": 0.1}) == [], "the report tells of it anyway"


def test_an_attribute_that_no_image_has_is_named() -> None:
    result = validation_result_pb2.ValidationResult()
    result.missing_slices.add(feature_keys=["attribute/site"])

    assert list(refusals._refusals(result)) == [
        "No test image has the attribute site, by whose values the gate divides them."
    ]


def test_tfma_computes_the_mean_over_the_classes() -> None:
    random = np.random.default_rng(0)
    truth, scores = np.arange(60) % 3, random.dirichlet(np.ones(3), 60)
    scores = (scores + 0.5 * np.eye(3)[truth]) / 1.5
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="label", prediction_key="prediction")],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[_config().metrics_specs[1]],
    )
    frame = pd.DataFrame({"label": truth, "prediction": list(scores)})

    ((_, outputs),) = tfma.analyze_raw_data(frame, config).slicing_metrics
    (measured,) = outputs[""][""].values()

    expected = np.mean([roc_auc_score(truth == index, scores[:, index]) for index in range(3)])
    assert measured["doubleValue"] == pytest.approx(expected, abs=2e-3)
