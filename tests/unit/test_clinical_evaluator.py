"""The clinical evaluation: its figures, its verdict where it closes, and input that is hardly any."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.scored_images import ScoredImages, UnusableScoresError
from components.image_example_gen.size_bands import size_band
from components.measures.proportions import wilson
from tests.clinical import evaluation_of, scored_images


def _figures(evaluation: ClinicalEvaluation) -> list[float]:
    """Every number in it."""

    def walk(value: object) -> list[float]:
        if isinstance(value, dict):
            return [number for each in value.values() for number in walk(each)]
        if isinstance(value, list):
            return [number for each in value for number in walk(each)]
        return [value] if isinstance(value, float) else []

    return walk(evaluation.model_dump())


def test_figures_are_those_of_scikit_learn() -> None:
    images = scored_images()
    found = evaluation_of(images, prevalence=0.01)
    point, positive, called = found.operating_point, images.is_positive, images.called_positive
    recall, specificity = called[positive].mean(), (~called[~positive]).mean()

    assert found.cohort.model_dump() == {
        "images": {"benign": 60, "malignant": 60},
        "groups": 60,
        "positive_groups": 30,
        "negative_groups": 30,
    }
    auc = reference.roc_auc_score(positive, images.scores)
    assert found.discrimination.auc.value == found.discrimination.auc_delong.value == pytest.approx(auc)
    assert found.discrimination.average_precision.value == pytest.approx(
        reference.average_precision_score(positive, images.scores)
    )
    assert (found.discrimination.class_aucs, found.discrimination.macro_auc) == ({}, None)
    assert point.recall.figure.value == pytest.approx(recall)
    assert (point.recall.hits, point.recall.images, point.recall.groups) == (called[positive].sum(), 60, 30)
    assert (point.recall.figure.low, point.recall.figure.high) == pytest.approx(wilson(recall, 30))
    assert point.specificity.figure.value == pytest.approx(specificity)
    ppv = recall * 0.01 / (recall * 0.01 + (1 - specificity) * 0.99)
    assert point.positive_predictive_value.value == pytest.approx(ppv)
    assert (point.prevalence, point.prevalence_is_stated) == (0.01, True)
    assert point.f1.value == pytest.approx(reference.f1_score(positive, called))
    assert point.matthews.value == pytest.approx(reference.matthews_corrcoef(positive, called))
    assert point.confusion == reference.confusion_matrix(images.truth, images.decided).tolist()
    assert found.calibration.brier.value == pytest.approx(reference.brier_score_loss(positive, images.scores))
    assert sum(each.images for each in found.calibration.bins) == 120
    assert sum(map(sum, found.scores.counts.values())) == 120


def test_intervals_hold_their_figures_and_the_band_its_curve() -> None:
    found = evaluation_of(scored_images())

    for each in (found.discrimination.auc, found.discrimination.average_precision, found.operating_point.f1):
        assert each.low is not None and each.value is not None and each.high is not None
        assert each.low < each.value < each.high
    for curve in (found.roc, found.precision_recall):
        assert len(curve.x) == len(curve.y) == len(curve.low) == len(curve.high) == 101
    middle = 20
    assert found.roc.low[middle] < found.roc.y[middle] < found.roc.high[middle]  # type: ignore[operator]


def test_per_class_report_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth, probabilities = np.arange(90) % 3, random.dirichlet(np.ones(3), 90)
    images = scored_images(
        90,
        labels=("a", "b", "c"),
        positive=2,
        truth=truth,
        probabilities=probabilities,
        decided=probabilities.argmax(1),
    )
    found = evaluation_of(images)
    report = reference.classification_report(
        truth, images.decided, target_names=["a", "b", "c"], output_dict=True, zero_division=np.nan
    )

    for label in "abc":
        scores = found.classes[label]
        assert (scores.precision, scores.recall, scores.f1, scores.support) == pytest.approx(
            tuple(report[label][key] for key in ("precision", "recall", "f1-score", "support"))
        )
    for average in ("macro", "weighted"):
        expected = report[f"{average} avg"]
        assert found.averages[average].f1 == pytest.approx(expected["f1-score"])
        assert found.averages[average].support == 90
    aucs = [reference.roc_auc_score(truth == index, probabilities[:, index]) for index in range(3)]
    assert [each.value for each in found.discrimination.class_aucs.values()] == pytest.approx(aucs)
    assert found.discrimination.macro_auc is not None
    assert found.discrimination.macro_auc.value == pytest.approx(np.mean(aucs))


def test_slices_are_the_same_figures_of_some_images() -> None:
    images = scored_images()
    found = evaluation_of(images)
    left = images.subset(images.attributes["view"] == "CC")

    assert [(each.attribute, each.value, each.images) for each in found.slices] == [
        ("view", "CC", 60),
        ("view", "MLO", 60),
    ]
    assert found.slices[0].auc.value == pytest.approx(reference.roc_auc_score(left.is_positive, left.scores))
    assert found.slices[0].recall.figure.value == pytest.approx(left.called_positive[left.is_positive].mean())
    assert found.slices[0].groups == 60


def test_images_without_a_value_are_in_no_slice_and_only_chosen_attributes_divide() -> None:
    views = np.array(["", "CC", "MLO"])[np.arange(120) % 3]
    images = scored_images(attributes={"view": views, "site": np.array(["x"] * 120)})

    assert [(each.value, each.images) for each in evaluation_of(images, slices=("view",)).slices] == [
        ("CC", 40),
        ("MLO", 40),
    ]
    assert evaluation_of(images, slices=()).slices == []


def test_a_slice_of_one_class_says_why_it_has_no_auc() -> None:
    truth = np.arange(120) // 2 % 2
    images = scored_images(attributes={"site": np.where(truth == 1, "clinic", "screening")})
    clinic, screening = evaluation_of(images).slices

    assert (clinic.auc.value, clinic.specificity.figure.value) == (None, None)
    assert clinic.remark == "malignant images alone, so no AUC and no specificity"
    assert (screening.auc.value, screening.recall.figure.value) == (None, None)
    assert screening.remark == "no malignant images, so no AUC and no recall"


def test_the_verdict_closes_at_the_lower_bound_of_the_auc() -> None:
    low = evaluation_of(scored_images(), minimum_auc=0, minimum_recall=0).discrimination.auc_low
    assert low is not None

    at = evaluation_of(scored_images(), minimum_auc=low, minimum_recall=0).verdict
    above = evaluation_of(scored_images(), minimum_auc=math.nextafter(low, 1), minimum_recall=0).verdict

    assert (at.blessed, at.certified) == (True, True)
    assert (above.blessed, above.certified) == (False, False)
    assert [criterion.passed for criterion in above.criteria] == [False, True]


@pytest.mark.parametrize("name", ["minimum_recall", "minimum_specificity"])
def test_the_verdict_closes_at_the_lower_bound_of_a_share(name: str) -> None:
    point = evaluation_of(scored_images(), minimum_auc=0, minimum_recall=0).operating_point
    share = point.recall if name == "minimum_recall" else point.specificity
    low = share.figure.low
    assert low is not None
    others = {"minimum_auc": 0.0, "minimum_recall": 0.0}

    assert evaluation_of(scored_images(), **(others | {name: low})).verdict.blessed
    assert not evaluation_of(scored_images(), **(others | {name: math.nextafter(low, 1)})).verdict.blessed


def test_the_verdict_closes_at_the_margin_of_non_inferiority() -> None:
    candidate, baseline = scored_images(seed=1), Baseline("model 7", scored_images(separation=2.5, seed=2))
    asked = {"minimum_auc": 0.0, "minimum_recall": 0.0}
    comparison = evaluation_of(candidate, baseline, **asked).comparison
    assert comparison is not None and comparison.baseline == "model 7"
    assert comparison.auc.low is not None and comparison.auc_delong.low is not None
    low = min(comparison.auc.low, comparison.auc_delong.low)
    assert low < 0

    assert evaluation_of(candidate, baseline, **asked, maximum_auc_drop=-low).verdict.blessed
    refused = evaluation_of(candidate, baseline, **asked, maximum_auc_drop=-low - 1e-9).verdict
    assert not refused.blessed
    assert [criterion.name for criterion in refused.criteria if not criterion.passed] == ["maximum_auc_drop"]


def test_without_certification_a_model_is_blessed_and_stamped() -> None:
    verdict = evaluation_of(scored_images(), certify=False, minimum_auc=0.999).verdict

    assert (verdict.blessed, verdict.certified) == (True, False)
    assert not verdict.criteria[0].passed
    assert verdict.notes[0].startswith("Certification is switched off")


def test_even_one_that_reaches_all_bounds_is_not_certified_where_nobody_asked() -> None:
    verdict = evaluation_of(scored_images(), certify=False, minimum_auc=0, minimum_recall=0).verdict

    assert all(criterion.passed for criterion in verdict.criteria)
    assert not verdict.certified


def test_what_the_images_cannot_certify_is_said_in_plain_words() -> None:
    """42 malignant patients, of whom 40 are found: 0.95, but no more than 0.84 for certain."""
    truth = np.array([1] * 42 + [0] * 42)
    decided = np.array([1] * 40 + [0] * 44)
    images = scored_images(84, truth=truth, decided=decided, groups=np.array([str(number) for number in range(84)]))
    criterion = evaluation_of(images, minimum_recall=0.9).verdict.criteria[1]

    assert criterion.reason == (
        "42 malignant groups: a recall of 0.900 cannot be certified at 95 % (0.952 found (40 of 42 images), 0.842"
        " certain); at this recall at least 127 are needed."
    )
    too_low = evaluation_of(images, minimum_recall=0.96).verdict.criteria[1]
    assert too_low.reason == (
        "Recall at the operating point is 0.952; 0.960 is asked for, and more images alone would not help."
    )


def test_a_comparison_is_paired() -> None:
    """The better one of two models that err alike is told apart by far fewer images than unpaired ones would need."""
    baseline = scored_images(images=400, separation=1.5, seed=3)
    better = baseline.scores + 0.02 * np.where(baseline.is_positive, 1, -1)
    better = np.clip(better, 0, 1)
    candidate = scored_images(images=400, probabilities=np.column_stack([1 - better, better]))
    found = evaluation_of(candidate, Baseline("old", baseline)).comparison
    assert found is not None and found.auc.low is not None and found.p_value is not None
    alone = evaluation_of(baseline).discrimination.auc

    assert found.auc.value == pytest.approx(
        reference.roc_auc_score(baseline.is_positive, better)
        - reference.roc_auc_score(baseline.is_positive, baseline.scores)
    )
    assert found.auc.low > 0
    assert found.p_value < 1e-3
    assert found.auc.value < (alone.high or 0) - (alone.low or 0)


@pytest.mark.parametrize("answer", [[math.nan, math.nan], [0.4, math.nan], [-0.1, 1.1], [math.inf, 0.0]])
def test_answers_that_are_no_probabilities_are_refused_by_name(answer: list[float]) -> None:
    probabilities = scored_images().probabilities.copy()
    probabilities[5] = answer

    with pytest.raises(UnusableScoresError) as caught:
        scored_images(probabilities=probabilities)

    assert caught.value.what == "The model answers what is no probability for 1 of 120 images."
    assert caught.value.reasons[0].startswith("image 5.png: ")


def test_constant_scores_are_chance_and_not_certified() -> None:
    found = evaluation_of(scored_images(probabilities=np.full((120, 2), 0.5)))

    assert found.discrimination.auc.value == 0.5
    assert not found.verdict.blessed


@pytest.mark.parametrize("kind", [0, 1])
def test_one_class_alone_is_not_blessed_and_says_why(kind: int) -> None:
    found = evaluation_of(scored_images(truth=np.full(120, kind)))

    assert found.discrimination.auc.value is None
    assert not found.verdict.blessed
    assert found.verdict.criteria[0].reason == (
        f"AUC of malignant is not defined on {60 * kind} malignant groups and {60 * (1 - kind)} other groups."
    )
    assert all(map(math.isfinite, _figures(found)))


def _few(images: int, seed: int) -> ScoredImages:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 3, images) / 2.0
    return scored_images(
        images,
        truth=random.integers(0, 2, images),
        probabilities=np.column_stack([1 - scores, scores]),
        decided=random.integers(0, 2, images),
        groups=np.array([str(random.integers(0, 3)) for _ in range(images)]),
        attributes={"site": np.array(["a", "b"])[random.integers(0, 2, images)]},
    )


@settings(max_examples=15)
@given(st.integers(1, 8), st.integers(0, 2**32))
def test_a_handful_of_images_with_ties_has_no_silent_nan_and_is_not_certified(images: int, seed: int) -> None:
    found = evaluation_of(_few(images, seed), Baseline("old", _few(images, seed)))

    assert all(map(math.isfinite, _figures(found)))
    assert not found.verdict.blessed
    assert ClinicalEvaluation.model_validate_json(found.model_dump_json()) == found


def test_images_are_divided_by_their_pixels() -> None:
    assert size_band(50, 50) == "under 0.01 megapixels"
    assert size_band(100, 100) == "0.01 to 0.1 megapixels"
    assert size_band(500, 500) == "0.1 to 1 megapixels"
    assert size_band(1024, 1024) == "1 to 10 megapixels"
    assert size_band(5000, 4000) == "10 megapixels or more"
