"""What the report is made of: checks of the data and of the model, pairs of images, answers, lineage."""

import base64
import math
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts

from components.clinical_evaluator.executor import write_evaluation
from components.data_gate.report import GateReport
from components.data_gate.statistics import Difference
from components.data_gate.verdict import CheckResult
from components.image_example_gen.pair_images import make_thumbnail, write_pair_images
from components.image_example_gen.planning import Plan
from components.image_example_gen.store import ImageStore
from components.manifest import ManifestEntry, SimilarPair
from components.report import gathered_gate
from components.report.component import CODE_FINGERPRINT_KEY
from components.report.content import DataCheck, GateCheck, ShownImage, ShownPair
from components.report.gather import read_scored_images
from components.report.gathered_data import list_data_checks, show_pairs
from components.report.gathered_gate import ModelMetrics, make_checks
from components.report.lineage import Origin, lineage, tuned
from components.settings import DataSettings, GateSettings, OperatingPointSettings
from pipeline import graph
from schema.images.formats import CanonicalImage, encode_png
from tests.clinical import evaluation_of, scored_images

GATE = GateSettings(minimum_auc=0.8, minimum_recall=0.7, maximum_auc_drop=0.02, maximum_recall_drop=0.05)


def _metrics(auc: float = 0.9, recall: float = 0.8) -> ModelMetrics:
    return ModelMetrics(auc=auc, recall=recall)


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


def _compared_by_number(blessing: standard_artifacts.ModelBlessing) -> None:
    blessing.set_int_custom_property("baseline_model_id", 7)


def _compared_by_name(blessing: standard_artifacts.ModelBlessing) -> None:
    """As Kubeflow Pipelines hands on what TFX writes there."""
    blessing.set_json_value_custom_property("baseline_model_id", "7")
    assert blessing.mlmd_artifact  # only now is it written to the artifact


@pytest.mark.parametrize("compare", [_compared_by_number, _compared_by_name])
def test_the_model_compared_with_is_known_by_number_or_name(
    monkeypatch: pytest.MonkeyPatch, compare: Callable[[standard_artifacts.ModelBlessing], None]
) -> None:
    metrics = {"": _metrics(), "candidate": _metrics(auc=0.9), "baseline": _metrics(auc=0.88)}
    monkeypatch.setattr(gathered_gate, "read_metrics", lambda folder, model, data: metrics[model])
    monkeypatch.setattr(gathered_gate, "read_refusals", lambda folder: [])
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 1)

    first = gathered_gate.gather_gate("folder", blessing, True, DataSettings(dataset="busi"), GATE)
    compare(blessing)
    second = gathered_gate.gather_gate("folder", blessing, True, DataSettings(dataset="busi"), GATE)

    assert (first.baseline, [check.kind for check in first.checks]) == (None, ["value", "value"])
    assert second.baseline == "model 7"
    assert [check.kind for check in second.checks] == ["value", "value", "change", "change"]
    assert second.checks[2].observed == pytest.approx(0.02)


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
    candidate, baseline = _metrics(auc=0.75, recall=0.875), _metrics(auc=1.0, recall=0.75)

    assert make_checks(GATE, candidate, baseline) == [
        GateCheck(metric="auc", kind="value", observed=0.75, bound=0.8, passed=False),
        GateCheck(metric="recall", kind="value", observed=0.875, bound=0.7, passed=True),
        GateCheck(metric="auc", kind="change", observed=-0.25, bound=-0.02, passed=False),
        GateCheck(metric="recall", kind="change", observed=0.125, bound=-0.05, passed=True),
    ]
    assert make_checks(GATE, candidate, None) == make_checks(GATE, candidate, baseline)[:2]


@pytest.mark.parametrize("undefined", [math.nan, math.inf, -math.inf])
def test_what_cannot_be_computed_does_not_pass(undefined: float) -> None:
    value, *_ = make_checks(GATE, _metrics(auc=undefined), None)
    *_, change, _ = make_checks(GATE, _metrics(), _metrics(auc=undefined))

    assert value == GateCheck(metric="auc", kind="value", observed=None, bound=0.8, passed=False)
    assert change == GateCheck(metric="auc", kind="change", observed=None, bound=-0.02, passed=False)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ({}, "a recall of at least 0.900 on the eval split"),
        ({"rule": "youden"}, "the largest sum of sensitivity and specificity on the eval split"),
        ({"rule": "fixed", "threshold": 0.3}, "the one that the configuration fixes"),
    ],
)
def test_the_threshold_is_explained_by_its_rule(point: dict[str, Any], expected: str) -> None:
    sentence = OperatingPointSettings.model_validate(point).reason

    assert expected in sentence
    assert sentence.endswith(".")


def test_the_answers_are_read_as_they_were_evaluated(tmp_path: Path) -> None:
    images = scored_images()
    evaluation = evaluation_of(images)
    write_evaluation(evaluation, images, str(tmp_path))

    found = read_scored_images(str(tmp_path), evaluation)

    assert (list(found.labels), found.positive, found.threshold) == (["benign", "malignant"], 1, 0.5)
    assert list(found.sources) == list(images.sources)
    np.testing.assert_array_equal(found.probabilities, images.probabilities)
    np.testing.assert_array_equal(found.decided, images.decided)


def test_the_lineage_tells_code_libraries_and_artifacts() -> None:
    model = standard_artifacts.Model()
    model.id = 7

    known = lineage(Origin("name: x", code_hash="abc", commit="1f2e"), {"model": model})
    unknown = lineage(Origin("name: x", code_hash="", commit=""), {})

    assert list(known.items())[:2] == [("commit", "1f2e"), ("code hash (SHA-256)", "abc")]
    assert known["model artifact"] == "7"
    assert known["keras"] == metadata.version("keras")
    assert not {"commit", "code hash (SHA-256)"} & set(unknown)


def test_what_was_tuned_is_told() -> None:
    assert tuned({"tuned": {"model.dropout": 0.25}}) == {"tuned model.dropout": "0.25"}
    assert tuned({}) == {}


def test_the_code_hash_is_found_where_the_graph_puts_it() -> None:
    assert CODE_FINGERPRINT_KEY == graph.CODE_FINGERPRINT_KEY
