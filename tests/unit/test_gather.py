"""What the report is made of: checks of the data and of the model, pairs of images, metrics."""

import base64
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from components.data_gate.report import GateReport
from components.data_gate.statistics import Difference
from components.data_gate.verdict import CheckResult
from components.image_example_gen.pair_images import make_thumbnail, write_pair_images
from components.image_example_gen.planning import Plan
from components.image_example_gen.store import ImageStore
from components.manifest import ManifestEntry, SimilarPair
from components.report.content import DataCheck, GateCheck, ShownImage, ShownPair
from components.report.gather import (
    ModelMetrics,
    explain_threshold,
    list_data_checks,
    make_checks,
    show_pairs,
    summarize,
)
from components.settings import GateSettings, OperatingPointSettings
from schema.images.formats import CanonicalImage, encode_png

GATE = GateSettings(minimum_auc=0.8, minimum_recall=0.7, maximum_auc_drop=0.02, maximum_recall_drop=0.05)


def _metrics(confusion: list[list[int]], auc: float = 0.9, recall: float = 0.8) -> ModelMetrics:
    return ModelMetrics(auc=auc, recall=recall, auc_precision_recall=0.85, confusion=confusion, curve=[])


def _report(*differences: Difference) -> GateReport:
    values: dict[str, Any] = {"policy": "warn", "findings": [], "dropped": [], "fix": "mend it"}
    return GateReport(
        results=[
            CheckResult(check="burned_in", title="Text", **(values | {"findings": ["a: text", "b: text"]})),
            CheckResult(check="annotations", title="Masks", **(values | {"policy": "drop", "dropped": ["c", "d"]})),
            CheckResult(check="drift", title="Drift", **values),
        ],
        differences=list(differences),
        notes=[],
        train_groups=3,
        population="",
    )


def _difference(first: str, second: str) -> Difference:
    return Difference(feature="width", first=first, second=second, value=0.1, limit=0.2)


def test_data_checks_by_value() -> None:
    text, masks, drift = list_data_checks(_report())

    assert text == DataCheck(
        check="burned_in",
        title="Text",
        policy="warn",
        made=True,
        findings=["a: text", "b: text"],
        dropped=0,
        fix="mend it",
    )
    assert (masks.policy, masks.made, masks.findings, masks.dropped) == ("drop", True, [], 2)
    assert (drift.check, drift.findings) == ("drift", [])


def test_drift_was_looked_for_where_train_was_compared_with_earlier_data() -> None:
    *_, without = list_data_checks(_report(_difference("train", "eval"), _difference("train", "test")))
    *_, sought = list_data_checks(
        _report(_difference("train", "eval"), _difference("the last accepted data", "train"))
    )

    assert (without.made, sought.made) == (False, True)


def test_pairs_are_shown_with_their_thumbnails(tmp_path: Path) -> None:
    pixels = [np.full((8, 8), value, np.uint8) for value in (10, 20)]
    store = ImageStore(str(tmp_path))
    with store.open_batch(0) as batch:
        locations = [batch.add(CanonicalImage(each, bit_depth=8)) for each in pixels]
    planned = Plan(
        [
            ManifestEntry("a.png", label="benign", split="train", patient="1"),
            ManifestEntry("b.png", label="malignant", dropped="a copy", patient="2"),
        ],
        [SimilarPair("a.png", "b.png", 0.75, "mirrored", same_picture=True)],
    )
    write_pair_images(planned, locations, store, str(tmp_path))

    (found,) = show_pairs(str(tmp_path))

    first, second = (
        "data:image/png;base64," + base64.b64encode(make_thumbnail(encode_png(each))).decode() for each in pixels
    )
    assert found == ShownPair(
        first=ShownImage(source="a.png", label="benign", split="train", left_out="", picture=first),
        second=ShownImage(source="b.png", label="malignant", split="", left_out="a copy", picture=second),
        different_patients=True,
        similarity=0.75,
        change="mirrored",
        same_picture=True,
    )


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


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ({}, "a recall of at least 0.900 on the eval split"),
        ({"rule": "youden"}, "the largest sum of sensitivity and specificity on the eval split"),
        ({"rule": "fixed", "threshold": 0.3}, "the one that the configuration fixes"),
    ],
)
def test_the_threshold_is_explained_by_its_rule(point: dict[str, Any], expected: str) -> None:
    sentence = explain_threshold(OperatingPointSettings.model_validate(point))

    assert expected in sentence
    assert sentence.endswith(".")
