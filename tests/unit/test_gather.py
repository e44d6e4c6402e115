"""Numbers of the report: the gate's checks, and metrics from a confusion matrix."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from components.report.content import GateCheck
from components.report.gather import ModelMetrics, make_checks, summarize
from components.settings import GateSettings

GATE = GateSettings(minimum_auc=0.8, minimum_recall=0.7, maximum_auc_drop=0.02, maximum_recall_drop=0.05)


def _metrics(confusion: list[list[int]], auc: float = 0.9, recall: float = 0.8) -> ModelMetrics:
    return ModelMetrics(auc=auc, recall=recall, auc_precision_recall=0.85, confusion=confusion, curve=[])


def test_checks_by_value() -> None:
    candidate, baseline = _metrics([], auc=0.75, recall=0.875), _metrics([], auc=1.0, recall=0.75)

    assert make_checks(GATE, candidate, baseline) == [
        GateCheck(metric="auc", kind="value", observed=0.75, bound=0.8, passed=False),
        GateCheck(metric="recall", kind="value", observed=0.875, bound=0.7, passed=True),
        GateCheck(metric="auc", kind="change", observed=-0.25, bound=-0.02, passed=False),
        GateCheck(metric="recall", kind="change", observed=0.125, bound=-0.05, passed=True),
    ]
    assert make_checks(GATE, candidate, None) == make_checks(GATE, candidate, baseline)[:2]


@pytest.mark.parametrize("undefined", [math.nan, math.inf, -math.inf])
def test_what_cannot_be_computed_does_not_pass(undefined: float) -> None:
    value, *_ = make_checks(GATE, _metrics([], auc=undefined), None)
    *_, change, _ = make_checks(GATE, _metrics([]), _metrics([], auc=undefined))

    assert value == GateCheck(metric="auc", kind="value", observed=None, bound=0.8, passed=False)
    assert change == GateCheck(metric="auc", kind="change", observed=None, bound=-0.02, passed=False)


def test_metrics_by_example() -> None:
    assert summarize(_metrics([[50, 10], [5, 15]]), positive=1) == pytest.approx(
        {
            "auc": 0.9,
            "auc_precision_recall": 0.85,
            "recall": 0.8,
            "specificity": 50 / 60,
            "precision": 15 / 25,
            "f1": 30 / 45,
            "accuracy": 65 / 80,
            "balanced_accuracy": (50 / 60 + 15 / 20) / 2,
        }
    )


@settings(deadline=None)
@given(
    confusion=st.integers(2, 4).flatmap(
        lambda classes: st.lists(
            st.lists(st.integers(0, 30), min_size=classes, max_size=classes), min_size=classes, max_size=classes
        )
    ),
    data=st.data(),
)
def test_metrics_are_those_of_scikit_learn(confusion: list[list[int]], data: st.DataObject) -> None:
    positive = data.draw(st.integers(0, len(confusion) - 1))
    counts = np.array(confusion)
    true, predicted = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    is_true, is_predicted = true == positive, predicted == positive

    found = summarize(_metrics(confusion), positive)

    expected = {"auc": 0.9, "auc_precision_recall": 0.85, "recall": 0.8}
    if (~is_true).any():
        expected["specificity"] = reference.recall_score(~is_true, ~is_predicted)
    if is_predicted.any():
        expected["precision"] = reference.precision_score(is_true, is_predicted, zero_division=0)
    if is_true.any() or is_predicted.any():
        expected["f1"] = reference.f1_score(is_true, is_predicted, zero_division=0)
    if true.size:
        expected["accuracy"] = reference.accuracy_score(true, predicted)
    if counts.sum(axis=1).all():
        expected["balanced_accuracy"] = reference.balanced_accuracy_score(true, predicted)
    assert found == pytest.approx(expected)


def test_undefined_metrics_are_left_out() -> None:
    found = summarize(_metrics([[7, 0], [0, 0]], auc=math.nan, recall=math.nan), positive=1)

    assert found == {"auc_precision_recall": 0.85, "specificity": 1.0, "accuracy": 1.0}
