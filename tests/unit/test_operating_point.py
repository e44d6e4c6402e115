"""The operating point: it reaches the wanted recall and no higher threshold does, or no other one balances better."""

import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.trainer.operating_point import threshold_for_recall, threshold_for_youden

SCORES = st.floats(0.0, 1.0, width=32, allow_subnormal=False)
IMAGES = st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=40).filter(
    lambda images: any(positive for positive, _ in images)
)
PERCENT = st.integers(1, 100)
IMAGES_OF_BOTH_CLASSES = IMAGES.filter(lambda images: not all(positive for positive, _ in images))


def _recall(positives: np.ndarray[tuple[int], np.dtype[np.float32]], threshold: float) -> Fraction:
    return Fraction(int((positives >= threshold).sum()), positives.size)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.25, (0.9 + 0.8) / 2),
        (0.26, (0.8 + 0.75) / 2),
        (0.5, (0.8 + 0.75) / 2),
        (0.75, (0.7 + 0.6) / 2),
        (1.0, (0.6 + 0.1) / 2),
    ],
)
def test_by_example(target: float, expected: float) -> None:
    is_positive = [True, True, False, True, True, False]
    scores = [0.9, 0.8, 0.75, 0.7, 0.6, 0.1]

    assert threshold_for_recall(is_positive, scores, target) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("target", "needed"), [(0.89, 9), (0.9, 9), (0.91, 10), (0.7, 7), (0.3, 3), (1e-6, 1)])
def test_the_number_of_positives_that_must_pass_is_not_off_by_one(target: float, needed: int) -> None:
    scores = np.arange(1, 11) / 16

    threshold = threshold_for_recall(np.ones(10, bool), scores, target)

    assert (scores >= threshold).sum() == needed


@pytest.mark.parametrize(("target", "size", "needed"), [(0.14, 50, 7), (0.28, 25, 7), (0.07, 100, 7)])
def test_rounding_of_the_product_does_not_ask_for_one_more(target: float, size: int, needed: int) -> None:
    assert target * size > needed
    scores = np.arange(1, size + 1) / 128

    threshold = threshold_for_recall(np.ones(size, bool), scores, target)

    assert (scores >= threshold).sum() == needed


def test_below_the_lowest_score_it_lies_midway_to_zero() -> None:
    assert threshold_for_recall([True], [0.5], 0.9) == 0.25
    assert threshold_for_recall([True, True], [0.0, 0.0], 0.9) == 0.0


def test_images_with_one_score_pass_together() -> None:
    assert threshold_for_recall([True, True, True, False], [0.5, 0.5, 0.5, 0.25], 0.1) == 0.375


def test_without_a_positive_there_is_no_operating_point() -> None:
    with pytest.raises(ValueError, match="at least one positive"):
        threshold_for_recall([False, False], [0.1, 0.9], 0.9)


@given(IMAGES, PERCENT)
def test_it_reaches_the_recall_and_is_the_highest_that_does(images: list[tuple[bool, float]], percent: int) -> None:
    is_positive = np.array([positive for positive, _ in images])
    scores = np.array([score for _, score in images], np.float32)
    positives = scores[is_positive]

    threshold = threshold_for_recall(is_positive, scores, percent / 100)

    passing = positives[positives >= threshold]
    lowest_passing = passing.min()
    assert 0.0 <= threshold <= 1.0
    assert threshold == np.float32(threshold)
    assert _recall(positives, threshold) >= Fraction(percent, 100)
    assert _recall(positives, np.nextafter(np.float64(lowest_passing), 2.0)) < Fraction(percent, 100)
    # Up to the midpoint: no other image's score lies between the threshold and the lowest score that must pass.
    assert lowest_passing == scores[scores >= threshold].min()
    below = scores[scores < lowest_passing]
    next_lower = float(below.max()) if below.size else 0.0
    assert threshold == pytest.approx((float(lowest_passing) + next_lower) / 2, rel=1e-6, abs=1e-30)


@given(IMAGES, PERCENT, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(
    images: list[tuple[bool, float]], percent: int, random: Random
) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)

    results = {
        threshold_for_recall([positive for positive, _ in order], [score for _, score in order], percent / 100)
        for order in (images, shuffled)
    }

    assert len(results) == 1


@pytest.mark.parametrize("high", [1.0, float(np.nextafter(np.float32(1), np.float32(0))), 0.5])
def test_between_neighbouring_scores_the_threshold_is_the_higher_one(high: float) -> None:
    low = float(np.nextafter(np.float32(high), np.float32(0)))
    lower = float(np.nextafter(np.float32(low), np.float32(0)))

    assert threshold_for_recall([True, False], [high, low], 1.0) == high
    assert threshold_for_recall([True, False], [low, lower], 1.0) == low


def test_the_recall_is_reached_for_every_count_of_positives() -> None:
    for size in range(1, 200):
        scores = np.arange(1, size + 1, dtype=np.float32) / 256
        threshold = threshold_for_recall(np.ones(size, bool), scores, 0.9)
        assert (scores >= threshold).sum() == math.ceil(size * 9 / 10)


def _youden(is_positive: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[Fraction, Fraction]:
    """Youden's index at a threshold, and the recall."""
    recall = _recall(scores[is_positive], threshold)
    return recall - _recall(scores[~is_positive], threshold), recall


@pytest.mark.parametrize(
    ("is_positive", "scores", "expected"),
    [
        ([True, True, False, False], [0.9, 0.8, 0.4, 0.1], 0.6),
        ([True, False, True, False], [0.875, 0.75, 0.5, 0.25], 0.375),  # tied with the threshold above 0.75
        ([True, False, False, True, False], [0.875, 0.75, 0.625, 0.5, 0.25], 0.8125),
        ([False, False, True], [0.75, 0.5, 0.25], 0.125),  # the wrong way round: best to call all positive
        ([True, False], [0.5, 0.5], 0.25),
        ([True, False], [0.0, 0.0], 0.0),
    ],
)
def test_youden_by_example(is_positive: list[bool], scores: list[float], expected: float) -> None:
    assert threshold_for_youden(is_positive, scores) == pytest.approx(expected, abs=1e-7)


def test_ties_that_rounding_would_break_go_to_the_higher_recall() -> None:
    # Wrong at the second score are 3 positives of 5, at the sixth 1 of 5 and 2 negatives of 5.
    assert 1 / 5 + 2 / 5 > 3 / 5
    is_positive = [True, True, False, False, True, True, False, False, False, True]
    scores = np.arange(15, 5, -1) / 16

    assert threshold_for_youden(is_positive, scores) == 9.5 / 16


@pytest.mark.parametrize("is_positive", [[True, True], [False, False]])
def test_youden_needs_both_classes(is_positive: list[bool]) -> None:
    with pytest.raises(ValueError, match="one positive and one negative"):
        threshold_for_youden(is_positive, [0.1, 0.9])


@given(IMAGES_OF_BOTH_CLASSES)
def test_no_other_threshold_has_a_higher_index_or_the_same_at_a_higher_recall(
    images: list[tuple[bool, float]],
) -> None:
    is_positive = np.array([positive for positive, _ in images])
    scores = np.array([score for _, score in images], np.float32)

    threshold = threshold_for_youden(is_positive, scores)

    assert 0.0 <= threshold <= 1.0
    assert threshold == np.float32(threshold)
    best = _youden(is_positive, scores, threshold)
    others = [0.0, *np.unique(scores).astype(np.float64), 2.0]
    assert best == max(_youden(is_positive, scores, other) for other in others)
    lowest_passing = float(scores[scores >= threshold].min())
    below = scores[scores < lowest_passing]
    next_lower = float(below.max()) if below.size else 0.0
    assert threshold == pytest.approx((lowest_passing + next_lower) / 2, rel=1e-6, abs=1e-30)


@given(IMAGES_OF_BOTH_CLASSES, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter_to_youden(images: list[tuple[bool, float]], random: Random) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)

    results = {
        threshold_for_youden([positive for positive, _ in order], [score for _, score in order])
        for order in (images, shuffled)
    }

    assert len(results) == 1


@pytest.mark.parametrize("high", [1.0, float(np.nextafter(np.float32(1), np.float32(0))), 0.5])
def test_between_neighbouring_scores_the_threshold_of_youden_is_the_higher_one(high: float) -> None:
    low = float(np.nextafter(np.float32(high), np.float32(0)))

    assert threshold_for_youden([True, False], [high, low]) == high
