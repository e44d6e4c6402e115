"""The span gate: a new scanner is told apart from wrong labels."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.scored_images import ScoredImages
from components.data_gate.statistics import Difference
from components.image_example_gen.linking import BRIDGES, CONTRADICTS, REPEATED
from components.manifest import ManifestEntry
from components.measures.auc_intervals import least_fall, newcombe
from components.measures.group_bootstrap import Interval
from components.settings import CheckSettings, DataSettings, RetrainingSettings, SpanGateSettings
from components.span_gate.content import AskedModel
from components.span_gate.judge import compare_with_test, judge
from tests.clinical import evaluation_of

BRIGHTER = Difference(feature="brightness", first="the accepted spans", second="the new span", value=0.5, limit=0.1)
SAME = Difference(feature="brightness", first="the accepted spans", second="the new span", value=0.05, limit=0.1)
RARER = Difference(feature="class", first="the accepted spans", second="the new span", value=0.5, limit=0.1)


def gate(check: str = "fail", **retraining: Any) -> SpanGateSettings:
    checks = CheckSettings(label_conflicts=check)  # type: ignore[arg-type]
    return SpanGateSettings(
        data=DataSettings(dataset="image_folder", labels=("a", "b"), positive_label="b", checks=checks),
        retraining=RetrainingSettings(**retraining),
    )


def entry(
    source: str, patient: str = "p", label: str = "a", split: str = "train", dropped: str = ""
) -> ManifestEntry:
    return ManifestEntry(source, label=label, group=patient, patient=patient, split=split, dropped=dropped)


def asked(fell: bool, low: float, high: float = 1.0) -> AskedModel:
    return AskedModel(
        auc=0.7,
        positives=20,
        negatives=30,
        test_auc=0.95,
        test_positives=40,
        test_negatives=50,
        least_fall=0.1 if fell else -0.1,
        low=low,
        high=high,
    )


FELL = (
    "The published model has an AUC of 0.700 on the new patients (20 positive, 30 other), and had 0.950 on its test"
)


@pytest.mark.parametrize(
    ("found", "model", "reasons", "notes"),
    [
        ([SAME], None, [], []),
        ([SAME], asked(fell=False, low=0.6), [], []),
        ([BRIGHTER], asked(fell=False, low=0.4), [], []),
        (
            [SAME],
            asked(fell=True, low=0.6),
            [
                f"{FELL}, by more than chance (0.005, one-sided), and the images look as before: the labels are"
                " probably wrong."
            ],
            [],
        ),
        (
            [RARER],  # the labels alone differ, which is no new scanner
            asked(fell=True, low=0.6),
            [
                f"{FELL}, by more than chance (0.005, one-sided), and the images look as before: the labels are"
                " probably wrong."
            ],
            [],
        ),
        (
            [BRIGHTER],
            asked(fell=True, low=0.6),
            [],
            [f"{FELL}; the images look different, and their labels still fit them."],
        ),
        (
            [BRIGHTER],
            asked(fell=True, low=0.45),
            [
                f"{FELL}, and that is not certainly better than guessing: the images look different, too, but nothing"
                " shows that their labels are right."
            ],
            [],
        ),
        ([BRIGHTER], asked(fell=True, low=0.1, high=0.4), [f"{FELL}: the labels are probably exchanged."], []),
    ],
)
def test_a_fall_of_the_model(
    found: list[Difference], model: AskedModel | None, reasons: list[str], notes: list[str]
) -> None:
    verdict = judge([entry("s/1")], [], found, model, gate())

    assert (verdict.reasons, verdict.notes, verdict.accepted) == (reasons, notes, not reasons)
    assert len(verdict.drift) == sum(difference.exceeds for difference in found)


@pytest.mark.parametrize(("policy", "accepted"), [("train", True), ("refuse", False)])
def test_drift_is_reported_or_refused(policy: str, accepted: bool) -> None:
    verdict = judge([entry("s/1")], [], [BRIGHTER], None, gate(drift=policy))
    assert verdict.accepted is accepted
    assert verdict.drift == [
        "brightness: the accepted spans and the new span differ by 0.500; at most 0.100 is allowed, chance included"
    ]


@pytest.mark.parametrize(("check", "accepted"), [("fail", False), ("drop", True), ("warn", True)])
def test_a_picture_that_was_accepted_under_another_class_refuses_the_span(check: str, accepted: bool) -> None:
    left_out = entry("s/2", split="", dropped=CONTRADICTS)
    verdict = judge([entry("s/1"), left_out], [], [], None, gate(check))
    told = [] if accepted else ["1 image show what was accepted under another class, the first is s/2."]
    assert verdict.reasons == told
    assert verdict.notes == [f"1 image left out: {CONTRADICTS}."]


def test_what_was_left_out_is_told_and_not_counted() -> None:
    manifest = [
        entry("s/1", "p"),
        entry("s/2", "p"),
        entry("s/3", "q"),
        entry("s/4", "q", split="", dropped=REPEATED),
        entry("s/5", "r", split="", dropped=BRIDGES),
        entry("s/6", "r", split="", dropped=BRIDGES),
    ]
    verdict = judge(manifest, [], [], None, gate())
    assert (verdict.images, verdict.patients) == (3, 2)
    assert verdict.notes == [f"1 image left out: {REPEATED}.", f"2 images left out: {BRIDGES}."]


@pytest.mark.parametrize(("policy", "accepted"), [("report", True), ("refuse", False)])
def test_patients_with_other_labels_than_before(policy: str, accepted: bool) -> None:
    before = [entry("1/1", "p", "a"), entry("1/2", "q", "a"), entry("1/3", "q", "b"), entry("1/4", "r", "b")]
    now = [entry("2/1", "p", "b"), entry("2/2", "q", "b"), entry("2/3", "s", "b")]

    verdict = judge(now, before, [], None, gate(label_changes=policy))

    told = "1 of 2 patients of earlier spans have other labels than before."
    assert (verdict.reasons, verdict.notes) == (([], [told]) if accepted else ([told], []))


def scored(separation: float, patients: int, seed: int) -> ScoredImages:
    """Half of the patients positive, two images each; binormal scores."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.arange(patients) % 2, 2)
    values = generator.normal(size=2 * patients) + separation * truth
    scores = 1 / (1 + np.exp(-values))
    return ScoredImages(
        labels=("a", "b"),
        positive=1,
        sources=[str(number) for number in range(2 * patients)],
        groups=np.repeat([f"p{number}" for number in range(patients)], 2),
        truth=truth.astype(np.intp),
        probabilities=np.stack([1 - scores, scores], axis=1),
        decided=(scores > 0.5).astype(np.intp),
        threshold=0.5,
        attributes={},
    )


@cache
def evaluation_on_test(seed: int) -> ClinicalEvaluation:
    return evaluation_of(scored(2.0, 60, 1_000 + seed))


def shares(separation: float, patients: int) -> tuple[float, float]:
    """How often the model, of AUC 0.92 on 60 test patients, fell, and how often it was above chance."""
    found = []
    for seed in range(100):
        model = compare_with_test(scored(separation, patients, seed), evaluation_on_test(seed % 5), 0.005)
        assert model is not None
        found.append((model.fell, model.above_chance))
    fell, above = np.mean(found, axis=0)
    return float(fell), float(above)


@pytest.mark.slow
def test_shuffled_labels_are_found_and_sane_ones_are_not_refused() -> None:
    sane, _ = shares(2.0, 40)
    shuffled, above = shares(0.0, 40)
    _, worse = shares(1.2, 40)
    assert sane <= 0.02
    assert shuffled >= 0.9
    assert above <= 0.02
    assert worse >= 0.5  # a scanner that costs the model skill, not all of it


def test_images_of_one_class_tell_nothing() -> None:
    images = scored(2.0, 20, 0)
    assert compare_with_test(images.subset(images.is_positive), evaluation_of(images), 0.005) is None


def test_the_fall_is_that_of_independent_intervals() -> None:
    before, after = Interval(0.9, 0.8, 0.95), Interval(0.6, 0.5, 0.7)
    assert least_fall(before, after) == pytest.approx(0.3 - np.hypot(0.1, 0.1))
    narrow, wide = newcombe(0.8, 50, 50), newcombe(0.8, 50, 50, quantile=3.0)
    assert wide.low < narrow.low < 0.8 < narrow.high < wide.high
