"""The leakage gap: there where groups are copies, not there where images are independent, and honest about chance."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from components.leakage_gap import THUMBNAIL_SIDE, Interval, LeakageGap, interval, measure_gap, thumbnail
from components.manifest import ManifestEntry
from components.settings import SplitSettings
from schema.images.formats import CanonicalImage
from tests.images import noise

SHAPE = (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)
SHARES = SplitSettings(train=0.6, eval=0.15, test=0.25)
LABELS = ("benign", "malignant")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For matrices so small, threads cost more than they bring, and much more on a busy machine."""
    with threadpool_limits(1):
        yield


def gap_of(
    labels: Sequence[str], groups: Sequence[str], pictures: Sequence[NDArray[Any]], seeds: int = 4
) -> LeakageGap:
    entries = [ManifestEntry(f"{n}.png", label, groups[n]) for n, label in enumerate(labels)]
    advanced: list[int] = []
    gap = measure_gap(
        entries,
        [picture.astype(np.uint8).tobytes() for picture in pictures],
        "malignant",
        SHARES,
        range(seeds),
        lambda: advanced.append(1),
    )
    assert len(advanced) == seeds
    assert (gap.images, gap.groups, gap.seeds) == (len(labels), len(set(groups)), seeds)
    return gap


def copies(count: int, size: int, seed: int = 0) -> tuple[list[str], list[str], list[NDArray[Any]]]:
    """Groups whose images are one picture with a little noise; the class says nothing of the picture."""
    random = np.random.default_rng(seed)
    originals = random.integers(20, 236, (count, *SHAPE))
    pictures = [originals[n // size] + random.integers(-8, 9, SHAPE) for n in range(count * size)]
    return (
        [LABELS[n // size % 2] for n in range(count * size)],
        [f"p{n // size}" for n in range(count * size)],
        pictures,
    )


def test_copies_in_one_group_make_a_random_split_look_perfect_and_a_grouped_one_tell_the_truth() -> None:
    gap = gap_of(*copies(50, 4))

    assert gap.random.auc.mean > 0.98
    assert gap.random.accuracy.mean > 0.98
    assert gap.grouped.auc.mean == pytest.approx(0.5, abs=0.12)
    assert gap.grouped.accuracy.mean == pytest.approx(0.5, abs=0.12)
    assert gap.auc_gap.mean == pytest.approx(gap.random.auc.mean - gap.grouped.auc.mean)
    assert gap.auc_gap.low > 0.2
    assert gap.accuracy_gap.low > 0.2
    assert gap.random.related > 0.9
    assert gap.grouped.related == 0.0


def test_independent_images_have_no_gap() -> None:
    random = np.random.default_rng(1)
    labels = [LABELS[n % 2] for n in range(240)]
    # A class that can be told in part: malignant ones are brighter, by less than images differ.
    pictures = [
        np.clip(random.normal(110 + 25 * (label == "malignant"), 25) + random.normal(0, 20, SHAPE), 0, 255)
        for label in labels
    ]

    gap = gap_of(labels, [f"patient {n}" for n in range(240)], pictures, seeds=6)

    assert 0.65 < gap.random.auc.mean < 0.9
    assert gap.auc_gap.low < 0 < gap.auc_gap.high
    assert abs(gap.auc_gap.mean) < 0.06
    assert gap.random.related == gap.grouped.related == 0.0


def test_without_groups_of_several_images_both_ways_of_splitting_are_one() -> None:
    labels, _, pictures = copies(80, 1)

    gap = gap_of(labels, [f"{n}.png" for n in range(80)], pictures)

    assert gap.random == gap.grouped
    assert gap.auc_gap == gap.accuracy_gap == Interval(mean=0, low=0, high=0)


def test_what_tells_the_classes_is_found_under_either_split() -> None:
    labels, groups, pictures = copies(40, 3)
    pictures = [picture // 2 + 100 * (label == "malignant") for label, picture in zip(labels, pictures, strict=True)]

    gap = gap_of(labels, groups, pictures)

    assert gap.random.auc.mean == gap.grouped.auc.mean == 1.0
    assert gap.auc_gap == Interval(mean=0, low=0, high=0)


def test_the_same_seeds_give_the_same_gap() -> None:
    assert gap_of(*copies(30, 3), seeds=2) == gap_of(*copies(30, 3), seeds=2)


@pytest.mark.parametrize(("groups", "images_of_a_group"), [(4, 1), (8, 1), (8, 2), (8, 3), (20, 2)])
def test_small_sets_are_measured_too(groups: int, images_of_a_group: int) -> None:
    gap = gap_of(*copies(groups, images_of_a_group), seeds=2)

    assert 0.0 <= gap.grouped.auc.mean <= 1.0


def test_the_interval_by_hand() -> None:
    # Variance 0.01 of three values, t(0.975, 2) = 4.302653; test / train = 1 / 4.
    reach = 4.302653 * math.sqrt(0.01 * (1 / 3 + 1 / 4))

    found = interval([0.6, 0.7, 0.8], 0.25)

    assert found.mean == pytest.approx(0.7)
    assert (found.low, found.high) == (pytest.approx(0.7 - reach, abs=1e-6), pytest.approx(0.7 + reach, abs=1e-6))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.floats(0.05, 2))
def test_the_interval_lies_about_the_mean_and_grows_with_the_share_of_the_test(
    values: list[float], ratio: float
) -> None:
    narrow, wide = interval(values, 0.0), interval(values, ratio)

    assert narrow.mean == wide.mean == pytest.approx(sum(values) / len(values))
    assert narrow.high - narrow.mean == pytest.approx(narrow.mean - narrow.low, abs=1e-9)
    assert wide.high - wide.mean == pytest.approx(
        (narrow.high - narrow.mean) * math.sqrt(1 + ratio * len(values)), abs=1e-9
    )


def small(pixels: Any) -> NDArray[np.uint8]:
    return np.frombuffer(thumbnail(CanonicalImage(pixels, bit_depth=8)), np.uint8).reshape(SHAPE)


def test_a_thumbnail_of_its_own_size_is_the_image() -> None:
    colour, grey = noise(*SHAPE), noise(*SHAPE[:2])

    assert np.array_equal(small(colour), colour)
    assert np.array_equal(small(grey), np.stack([grey] * 3, axis=-1))
    assert np.array_equal(small(grey.astype(np.uint16) * 256 + 255), small(grey))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_thumbnail_is_the_mean_of_the_area(channels: tuple[int, ...]) -> None:
    pixels = noise(THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 3, *channels)
    blocks = pixels.reshape(THUMBNAIL_SIDE, 2, THUMBNAIL_SIDE, 3, *channels).mean(axis=(1, 3))

    found = small(pixels).astype(float)

    assert np.abs(found - blocks.reshape(*SHAPE[:2], -1)).max() <= 0.51


@pytest.mark.parametrize("shape", [(16, 16), (1, 200), (500, 16, 3)])
def test_any_shape_gives_a_thumbnail_of_one_size(shape: tuple[int, ...]) -> None:
    assert np.unique(small(np.full(shape, 0xAB12, np.uint16))).tolist() == [0xAB]
