"""Figures of predictions, held against definitions, scikit-learn and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as reference

from components.measures.auc_intervals import delong, delong_difference, newcombe
from components.measures.calibration import BINS, BinnedProbabilities
from components.measures.decisions import Binary, Decisions, accuracy, balanced_accuracy
from components.measures.group_bootstrap import group_bands, group_intervals
from components.measures.proportions import observations_needed, proportion, wilson
from components.measures.ranking import RankedScores

NORMAL = 1.959963984540054  # the quantile at 0.975


@st.composite
def ranked_images(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Truth with both classes, scores with many ties, weights of which some are 0."""
    images = draw(st.integers(2, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    positive = random.random(images) < 0.5
    positive[:2] = [True, False]
    weights = random.integers(0, 3, images).astype(float)
    weights[:2] = 1.0
    return positive, random.integers(0, draw(st.integers(1, 30)), images) / 8.0, weights


@given(ranked_images())
def test_areas_are_those_of_scikit_learn(
    images: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    positive, scores, weights = images
    curve = RankedScores(positive, scores).curve(weights)

    assert curve.auc == pytest.approx(reference.roc_auc_score(positive, scores, sample_weight=weights), abs=1e-12)
    precision = reference.average_precision_score(positive, scores, sample_weight=weights)
    assert curve.average_precision == pytest.approx(precision, abs=1e-12)


@given(ranked_images(), st.sampled_from([0.0, 0.25, 0.5, 0.8, 0.9, 1.0]))
def test_fixed_points_are_the_best_that_any_threshold_gives(
    images: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]], target: float
) -> None:
    positive, scores, _ = images
    curve = RankedScores(positive, scores).curve()
    points = [
        ((scores[positive] >= threshold).mean(), (scores[~positive] < threshold).mean())
        for threshold in [*scores, np.inf]
    ]

    best = max(sensitivity for sensitivity, specificity in points if specificity >= target - 1e-9)
    assert curve.sensitivity_at_specificity(target) == pytest.approx(best)
    best = max(specificity for sensitivity, specificity in points if sensitivity >= target - 1e-9)
    assert curve.specificity_at_sensitivity(target) == pytest.approx(best)


def test_curves_by_hand() -> None:
    curve = RankedScores([True, False, True, False], [0.9, 0.8, 0.7, 0.1]).curve()

    np.testing.assert_allclose(curve.sensitivities(np.array([0.0, 0.25, 0.5, 1.0])), [0.5, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(curve.precisions(np.array([0.0, 0.5, 0.6, 1.0])), [1.0, 1.0, 2 / 3, 2 / 3])


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_one_class_alone_has_no_ranking(positive: list[bool]) -> None:
    curve = RankedScores(positive, [0.2, 0.4]).curve()

    figures = [curve.auc, curve.average_precision, curve.sensitivity_at_specificity(0.9)]
    assert all(map(math.isnan, [*figures, curve.specificity_at_sensitivity(0.9), *curve.sensitivities(np.zeros(2))]))
    assert math.isnan(delong(positive, [0.2, 0.4]).value)


def _delong_by_definition(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, float]:
    """AUC and variance from all pairs, formulas 3 to 6 of DeLong, DeLong and Clarke-Pearson (1988)."""
    kernel = np.array(
        [
            [1.0 if hit > miss else 0.5 if hit == miss else 0.0 for miss in scores[~positive]]
            for hit in scores[positive]
        ]
    )
    auc = kernel.mean()
    by_positive, by_negative = kernel.mean(axis=1), kernel.mean(axis=0)
    positives, negatives = kernel.shape
    variance = ((by_positive - auc) ** 2).sum() / (positives - 1) / positives
    variance += ((by_negative - auc) ** 2).sum() / (negatives - 1) / negatives
    return float(auc), float(variance)


@pytest.mark.parametrize("seed", range(20))
def test_delong_is_its_definition_to_1e_6(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(int(random.integers(10, 200))) < 0.4
    positive[:4] = [True, True, False, False]
    scores = np.round(random.normal(positive * 1.2, 1.0), int(random.integers(0, 4)))
    auc, variance = _delong_by_definition(positive, scores)

    found = delong(positive, scores)

    assert found.value == pytest.approx(auc, abs=1e-12)
    assert found.value == pytest.approx(reference.roc_auc_score(positive, scores), abs=1e-12)
    assert found.low == pytest.approx(max(0.0, auc - NORMAL * math.sqrt(variance)), abs=1e-9)
    assert found.high == pytest.approx(min(1.0, auc + NORMAL * math.sqrt(variance)), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_has_the_variance_of_the_differences(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = np.arange(60) < 25
    first = random.normal(positive * 1.5, 1.0)
    second = first + random.normal(0, 0.7, 60)
    by_definition = []
    for scores in (first, second):
        kernel = (scores[positive][:, None] > scores[~positive][None]).astype(float)
        by_definition.append((kernel.mean(), kernel.mean(axis=1), kernel.mean(axis=0)))
    (auc, hits, misses), (other, other_hits, other_misses) = by_definition
    variance = np.var(hits - other_hits, ddof=1) / 25 + np.var(misses - other_misses, ddof=1) / 35

    found = delong_difference(positive, first, second)

    assert found.difference.value == pytest.approx(auc - other)
    assert found.difference.low == pytest.approx(auc - other - NORMAL * math.sqrt(variance), abs=1e-9)
    z = abs(auc - other) / math.sqrt(variance)
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), abs=1e-9)


def test_a_model_does_not_differ_from_itself() -> None:
    found = delong_difference([True, True, False, False], [0.9, 0.4, 0.5, 0.1], [0.9, 0.4, 0.5, 0.1])

    assert (found.difference.value, found.difference.low, found.difference.high, found.p_value) == (0, 0, 0, 1)


def test_newcombes_interval_is_where_the_observed_area_is_just_likely() -> None:
    """By Hanley and McNeil's variance with the mean count, solved here by trying."""
    auc, positives, negatives = 0.9, 25, 66
    mean = (positives + negatives) / 2 - 1
    inside = [
        area
        for area in np.linspace(0.5, 0.9999, 200_001)
        if (auc - area) ** 2
        <= NORMAL**2
        * area
        * (1 - area)
        * (1 + mean * ((1 - area) / (2 - area) + area / (1 + area)))
        / (positives * negatives)
    ]

    found = newcombe(auc, positives, negatives)

    assert found.low == pytest.approx(inside[0], abs=1e-5)
    assert found.high == pytest.approx(inside[-1], abs=1e-5)


def test_classes_that_are_apart_are_certain_for_delong_and_not_for_newcombe() -> None:
    apart = delong([False] * 5 + [True] * 5, range(10))

    assert (apart.low, apart.high) == (1.0, 1.0)
    assert 0.5 < newcombe(1.0, 5, 5).low < 0.8
    assert newcombe(1.0, 5, 5).high == 1.0
    assert newcombe(1.0, 1, 2).low < 0.5
    assert newcombe(0.0, 5, 5).high == pytest.approx(1 - newcombe(1.0, 5, 5).low)


def test_constant_scores_are_chance() -> None:
    found = delong([True, True, False, False, False], [0.3] * 5)

    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert newcombe(0.5, 2, 3).low < 0.2


@given(st.integers(1, 300).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images))))
def test_wilson_is_that_of_scipy(counts: tuple[int, int]) -> None:
    hits, images = counts
    expected = binomtest(hits, images).proportion_ci(0.95, method="wilson")

    assert wilson(hits / images, images) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_group_counts_once_in_an_interval() -> None:
    alone = proportion([True] * 9 + [False], range(10))
    in_pairs = proportion([True] * 18 + [False] * 2, np.arange(20) // 2)

    assert (in_pairs.hits, in_pairs.images, in_pairs.groups) == (18, 20, 10)
    assert in_pairs.interval == alone.interval
    assert math.isnan(proportion([], []).interval.value)
    assert math.isnan(proportion([], []).interval.low)


@settings(max_examples=200)
@given(st.floats(0.01, 1.0), st.floats(0.01, 0.99))
def test_the_observations_needed_are_the_fewest_that_do(share: float, bound: float) -> None:
    needed = observations_needed(share, bound)

    if share <= bound:
        assert needed is None
        return
    assert needed is not None
    assert wilson(share, needed)[0] >= bound - 1e-9
    if needed > 1:
        assert wilson(share, needed - 1)[0] < bound + 1e-9


@pytest.mark.parametrize(
    ("share", "bound", "needed"), [(1.0, 0.9, 35), (0.96, 0.9, 97), (0.945, 0.9, 171), (0.9, 0.9, None)]
)
def test_observations_needed_by_example(share: float, bound: float, needed: int | None) -> None:
    assert observations_needed(share, bound) == needed


@given(st.integers(2, 4), st.integers(0, 2**32))
def test_decisions_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.append(np.arange(classes), random.integers(0, classes, 30))
    decided = np.append(np.arange(classes), random.integers(0, classes, 30))
    weights = np.append(np.ones(classes), random.integers(0, 3, 30).astype(float))
    positive, called = truth == 1, decided == 1
    confusion = Decisions(truth, decided, classes).confusion(weights)
    binary = Binary(confusion, 1)

    np.testing.assert_allclose(confusion, reference.confusion_matrix(truth, decided, sample_weight=weights))
    expected = {
        binary.recall: reference.recall_score(positive, called, sample_weight=weights),
        binary.specificity: reference.recall_score(~positive, ~called, sample_weight=weights),
        binary.f1: reference.f1_score(positive, called, sample_weight=weights),
        binary.matthews: reference.matthews_corrcoef(positive, called, sample_weight=weights),
        accuracy(confusion): reference.accuracy_score(truth, decided, sample_weight=weights),
        balanced_accuracy(confusion): reference.balanced_accuracy_score(truth, decided, sample_weight=weights),
    }
    for found, value in expected.items():
        assert found == pytest.approx(value, abs=1e-12)


def test_predictive_values_at_the_images_own_prevalence_are_those_of_the_images() -> None:
    binary = Binary(np.array([[50.0, 10.0], [5.0, 35.0]]), 1)

    assert binary.positive_predictive_value(0.4) == pytest.approx(35 / 45)
    assert binary.negative_predictive_value(0.4) == pytest.approx(50 / 55)
    # In screening, half a per cent: most alarms are false.
    assert binary.positive_predictive_value(0.005) == pytest.approx(0.875 * 0.005 / (0.875 * 0.005 + 10 / 60 * 0.995))


def test_what_is_divided_by_nothing_is_not_a_number() -> None:
    nobody = Binary(np.zeros((2, 2)), 1)

    assert all(map(math.isnan, [nobody.recall, nobody.specificity, nobody.f1, nobody.matthews]))
    assert math.isnan(nobody.positive_predictive_value(0.5))
    assert math.isnan(balanced_accuracy(np.array([[0.0, 0.0], [1.0, 2.0]])))


@given(st.integers(0, 2**32))
def test_calibration_by_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, positive = random.random(50), random.random(50) < 0.5
    binned = BinnedProbabilities(positive, scores)
    error = 0.0
    for number in range(BINS):
        members = (scores >= number / BINS) & ((scores < (number + 1) / BINS) | (number == BINS - 1))
        if members.any():
            error += members.mean() * abs(scores[members].mean() - positive[members].mean())

    assert binned.brier(np.ones(50)) == pytest.approx(reference.brier_score_loss(positive, scores))
    assert binned.expected_calibration_error(np.ones(50)) == pytest.approx(error)
    assert np.sum(list(binned.members()), axis=0).tolist() == [1] * 50


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.25 said and half seen; 0.85 said and all seen."""
    binned = BinnedProbabilities([True, False, True, True], [0.25, 0.25, 0.85, 0.85])

    assert binned.expected_calibration_error(np.ones(4)) == pytest.approx(0.5 * 0.25 + 0.5 * 0.15)
    assert binned.expected_calibration_error(np.array([2.0, 0.0, 0.0, 0.0])) == pytest.approx(0.75)
    assert math.isnan(binned.brier(np.zeros(4)))


def test_a_band_is_the_intervals_of_its_points() -> None:
    groups = np.arange(30) // 2
    values = np.random.default_rng(0).random((30, 2))
    band = group_bands(groups, lambda weights: weights @ values / weights.sum(axis=1)[:, None], 300, seed=3)
    alone = group_intervals(groups, lambda weights: {"x": weights @ values[:, 0] / weights.sum(axis=1)}, 300, seed=3)

    assert (band.value[0], band.low[0], band.high[0]) == pytest.approx(
        (alone["x"].value, alone["x"].low, alone["x"].high)
    )
    assert band.low[1] < values[:, 1].mean() < band.high[1]


def test_many_draws_at_once_are_the_same_draws_one_by_one() -> None:
    random = np.random.default_rng(0)
    positive, scores, decided = random.random(50) < 0.4, np.round(random.random(50), 1), random.integers(0, 2, 50)
    weights = random.integers(0, 3, (7, 50)).astype(float)
    weights[3, positive] = 0
    weights[4] = 0
    ranking, decisions = RankedScores(positive, scores), Decisions(positive, decided, 2)
    binned = BinnedProbabilities(positive, scores)

    def figures(drawn: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        curve, confusion = ranking.curve(drawn), decisions.confusion(drawn)
        binary = Binary(confusion, 1)
        return [
            curve.auc,
            curve.average_precision,
            curve.sensitivity_at_specificity(0.8),
            curve.specificity_at_sensitivity(0.8),
            curve.sensitivities(np.array([0.1, 0.5])),
            curve.precisions(np.array([0.1, 0.5])),
            confusion,
            binary.recall,
            binary.matthews,
            binary.positive_predictive_value(0.1),
            accuracy(confusion),
            balanced_accuracy(confusion),
            binned.brier(drawn),
            binned.expected_calibration_error(drawn),
        ]

    together = figures(weights)

    for row in range(7):
        for found, alone in zip(together, figures(weights[row]), strict=True):
            np.testing.assert_allclose(found[row], alone, atol=1e-12)
