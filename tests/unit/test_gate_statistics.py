"""Skew and drift: found where samples differ, and not where chance alone makes them differ."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_checks.spec import Finding
from components.data_gate.statistics import (
    Difference,
    anomalies_of,
    compare,
    compare_splits,
    find_anomalies,
    find_differences,
    sample,
)
from components.data_gate.statistics import _chance as chance
from components.data_gate.statistics import _share_band as share_band
from components.data_gate.statistics import _size_band as size_band
from components.manifest import ManifestEntry
from schema import contract

LABELS = ("benign", "malignant")
FEATURES = ("bit depth", "brightness", "channels", "class", "contrast", "height", "width")
LIMIT = 0.1


def entry(number: int, split: str, group: str = "", **changes: Any) -> ManifestEntry:
    values = {"height": 480, "width": 640, "channels": 1, "bit_depth": 8, "mean": 0.35, "std": 0.17} | changes
    label = values.pop("label", LABELS[number % 2])
    return ManifestEntry(f"{split}/{number}.png", label, group or f"{split} {number}", split, **values)


def images(split: str, count: int, **changes: Any) -> list[ManifestEntry]:
    """Each of another patient."""
    return [entry(number, split, **changes) for number in range(count)]


def alike() -> list[ManifestEntry]:
    return [*images("train", 140), *images("eval", 30), *images("test", 30)]


def exceeding(differences: Sequence[Difference]) -> set[tuple[str, str, str]]:
    return {(found.first, found.second, found.feature) for found in differences if found.exceeds}


def test_splits_that_are_alike_do_not_differ() -> None:
    found = compare_splits(alike(), LIMIT)

    assert sorted((each.first, each.second, each.feature) for each in found) == sorted(
        ("train", other, feature) for other in ("eval", "test") for feature in FEATURES
    )
    assert {each.value for each in found} == {0.0}
    assert find_differences(found) == []


CHANGES: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "brighter": ({"mean": 0.62}, {"brightness"}),
    "with more contrast": ({"std": 0.31}, {"contrast"}),
    "larger": ({"height": 960, "width": 1280}, {"height", "width"}),
    "wider": ({"width": 1280}, {"width"}),
    "of 12 bits": ({"bit_depth": 12}, {"bit depth"}),
    "in colour": ({"channels": 3}, {"channels"}),
    "of one class": ({"label": "malignant"}, {"class"}),
}


@pytest.mark.parametrize("other", ["eval", "test"])
@pytest.mark.parametrize(("changes", "features"), CHANGES.values(), ids=CHANGES)
def test_a_split_that_is_different_is_found_by_its_feature(
    other: str, changes: dict[str, Any], features: set[str]
) -> None:
    manifest = [replace(each, **changes) if each.split == other else each for each in alike()]

    assert exceeding(compare_splits(manifest, LIMIT)) == {("train", other, feature) for feature in features}


def test_a_difference_is_named_with_what_is_allowed() -> None:
    manifest = [replace(each, channels=3) if each.split == "test" else each for each in alike()]
    allowed = LIMIT + chance(2, 140, 30)

    assert find_differences(compare_splits(manifest, LIMIT)) == [
        Finding(f"channels: train and test differ by 1.000; at most {allowed:.3f} is allowed, chance included")
    ]


@pytest.mark.parametrize(("value", "exceeds"), [(0.2, False), (0.2000001, True)])
def test_the_limit_itself_is_allowed(value: float, exceeds: bool) -> None:
    difference = Difference(feature="width", first="train", second="test", value=value, limit=0.2)

    assert difference.exceeds is exceeds
    assert len(find_differences([difference])) == int(exceeds)


@pytest.mark.parametrize(("limit", "found"), [(0.3, True), (0.32, False), (1.0, False)])
def test_the_limit_set_is_the_one_used(limit: float, found: bool) -> None:
    # Half of train and none of test: a divergence of 0.311 bits; of so many groups chance has no part.
    train, test = images("train", 4000), images("test", 4000, label="benign")

    (difference,) = (
        each for each in compare(sample(train, "train"), sample(test, "test"), limit) if each.feature == "class"
    )

    assert difference.value == pytest.approx(divergence([0.5, 0.5], [1.0, 0.0]), abs=1e-6)
    assert difference.exceeds is found


def test_images_of_few_groups_may_differ_by_more() -> None:
    changed = [replace(each, mean=0.62) if n % 3 == 0 else each for n, each in enumerate(images("test", 60))]
    few = [replace(each, group=f"patient {n // 10}") for n, each in enumerate(changed)]
    train = sample(images("train", 200), "train")

    by_groups = {
        name: next(each for each in compare(train, sample(test, "test"), 0.05) if each.feature == "brightness")
        for name, test in (("many", changed), ("few", few))
    }

    assert by_groups["many"].value == by_groups["few"].value
    assert (by_groups["many"].exceeds, by_groups["few"].exceeds) == (True, False)


@pytest.mark.parametrize(
    ("sizes", "groups"), [([1, 1, 1, 1], 4), ([5, 5], 2), ([3, 1], 1.6), ([8], 1), ([50, *[1] * 50], 10000 / 2550)]
)
def test_a_few_large_groups_count_for_few(sizes: list[int], groups: float) -> None:
    entries = [entry(n, "train", f"p{group}") for group, size in enumerate(sizes) for n in range(size)]

    assert sample(entries, "train").groups == pytest.approx(groups)


def test_images_in_no_split_do_not_count() -> None:
    strange = [replace(each, split="", channels=3) for each in images("test", 30)]

    assert compare_splits([*alike(), *strange], LIMIT) == compare_splits(alike(), LIMIT)


@pytest.mark.parametrize("empty", contract.SPLITS)
def test_a_split_without_images_is_not_compared(empty: str) -> None:
    found = compare_splits([each for each in alike() if each.split != empty], LIMIT)

    assert {each.second for each in found} == ({"eval", "test"} - {empty} if empty != "train" else set())


def divergence(first: Sequence[float], second: Sequence[float]) -> float:
    """Jensen-Shannon, in bits."""

    def entropy(shares: Sequence[float]) -> float:
        return -sum(share * math.log2(share) for share in shares if share)

    middle = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
    return entropy(middle) - (entropy(first) + entropy(second)) / 2


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=6).filter(
        lambda counts: all(sum(column) for column in zip(*counts, strict=True))
    )
)
def test_the_value_is_the_jensen_shannon_divergence_in_bits(counts: list[tuple[int, int]]) -> None:
    def drawn(split: str, column: int) -> list[ManifestEntry]:
        bands = [band for band, count in enumerate(counts) for _ in range(count[column])]
        return [entry(n, split, mean=band / 10 + 0.05) for n, band in enumerate(bands)]

    first, second = (
        [count / sum(column) for count in column] for column in ([c[0] for c in counts], [c[1] for c in counts])
    )
    found = compare(sample(drawn("train", 0), "train"), sample(drawn("test", 1), "test"), 0.0)

    (brightness,) = (each for each in found if each.feature == "brightness")
    used = sum(1 for one, two in counts if one or two)
    assert brightness.value == pytest.approx(divergence(first, second), abs=1e-6)
    groups = [sum(count[column] for count in counts) for column in (0, 1)]
    assert brightness.limit == pytest.approx(chance(used, *groups))


def test_chance_by_hand() -> None:
    # Three bands, 50 and 100 groups: chi-square of two degrees of freedom passes 2 ln 100 once in 100 times.
    assert chance(3, 50, 100) == pytest.approx(2 * math.log(100) / (8 * math.log(2)) * 0.03)
    assert chance(1, 5, 5) == chance(0, 5, 5) == 0.0


@pytest.mark.parametrize(("bands", "first", "second"), [(3, 200, 100), (6, 150, 60), (10, 300, 300), (20, 1000, 200)])
def test_what_chance_makes_samples_differ_by(bands: int, first: int, second: int) -> None:
    random = np.random.default_rng(bands)
    shares = random.dirichlet(np.full(bands, 5.0))
    drawn = np.array(
        [
            divergence(random.multinomial(first, shares) / first, random.multinomial(second, shares) / second)
            for _ in range(3000)
        ]
    )
    freedom = bands - 1
    mean = freedom / (8 * math.log(2)) * (1 / first + 1 / second)

    assert drawn.mean() == pytest.approx(mean, rel=0.05)
    assert drawn.std() == pytest.approx(mean * math.sqrt(2 / freedom), rel=0.15)
    assert np.mean(drawn > chance(bands, first, second)) <= 0.02


def _draw(random: np.random.Generator, split: str, sizes: Sequence[int]) -> list[ManifestEntry]:
    """Patients of one population, each with some images that are alike."""
    entries = []
    for group, size in enumerate(sizes):
        values = {
            "label": str(random.choice(LABELS, p=(0.6, 0.4))),
            "height": int(random.choice((480, 600, 768, 1024))),
            "width": int(random.normal(800, 120)),
            "channels": int(random.choice((1, 3))),
            "bit_depth": int(random.choice((8, 12, 16))),
            "mean": float(random.beta(4, 6)),
            "std": float(random.beta(4, 16)),
        }
        entries += [entry(number, split, f"{split} {group}", **values) for number in range(size)]
    return entries


def _null_differences(
    train: Callable[[np.random.Generator], Sequence[int]], test: Callable[[np.random.Generator], Sequence[int]]
) -> list[Difference]:
    """Of a hundred pairs of samples of one population, from the numbers of images of the patients; no limit."""
    random = np.random.default_rng(7)
    return [
        found
        for _ in range(100)
        for found in compare(
            sample(_draw(random, "train", train(random)), "train"),
            sample(_draw(random, "test", test(random)), "test"),
            0.0,
        )
    ]


@pytest.mark.parametrize("images_of_a_patient", [1, 3])
def test_samples_of_one_population_hardly_ever_differ_even_with_no_limit(images_of_a_patient: int) -> None:
    found = _null_differences(lambda _: [images_of_a_patient] * 140, lambda _: [images_of_a_patient] * 40)

    assert len(found) == 100 * len(FEATURES)
    assert sum(each.exceeds for each in found) / len(found) <= 0.025  # of chi-square: 1 % to 2 % beyond the limit
    assert not any(each.value > each.limit + LIMIT for each in found)


def test_patients_with_many_images_among_patients_with_few_make_no_false_alarms_either() -> None:
    def sizes(count: int) -> Callable[[np.random.Generator], Sequence[int]]:
        return lambda random: (random.pareto(1.5, count) + 1).astype(int).clip(1, 60).tolist()

    found = _null_differences(sizes(140), sizes(40))

    assert sum(each.exceeds for each in found) / len(found) <= 0.025
    assert not any(each.value > each.limit + LIMIT for each in found)


@given(st.integers(1, 30_000))
def test_a_band_of_sizes_holds_the_size(side: int) -> None:
    low, high = (int(edge) for edge in size_band(side).removesuffix(" pixels").split(" to "))

    assert low <= side <= high
    assert size_band(low) == size_band(high) == size_band(side)
    assert high == 1 or high < 2**0.5 * low + 1


@given(st.floats(0, 1), st.sampled_from([10, 20]))
def test_a_band_of_shares_holds_the_share(value: float, bands: int) -> None:
    low, high = (float(edge) for edge in share_band(value, bands).split(" to "))

    assert low - 1e-9 <= value <= high + 1e-9
    assert high - low == pytest.approx(1 / bands)


def test_bands_change_where_they_say() -> None:
    assert [size_band(side) for side in (511, 512, 724, 725)] == [
        "363 to 511 pixels",
        "512 to 724 pixels",
        "512 to 724 pixels",
        "725 to 1023 pixels",
    ]
    assert [share_band(value, 10) for value in (0.0, 0.0999, 0.1, 1.0)] == [
        "0.00 to 0.10",
        "0.00 to 0.10",
        "0.10 to 0.20",
        "0.90 to 1.00",
    ]


def test_everything_that_tfdv_reports_is_named_by_split_and_feature() -> None:
    train, test = anomalies_pb2.Anomalies(), anomalies_pb2.Anomalies()
    train.anomaly_info["image/mean"].description = "Values above 1."
    train.anomaly_info["label"].short_description = "Column dropped"
    test.dataset_anomaly_info.description = "Too few examples."

    found = find_anomalies({"train": train, "eval": anomalies_pb2.Anomalies(), "test": test})

    assert sorted(finding.message for finding in found) == [
        "split 'test', feature '(data set)': Too few examples.",
        "split 'train', feature 'image/mean': Values above 1.",
        "split 'train', feature 'label': Column dropped",
    ]
    assert {finding.sources for finding in found} == {()}


def test_a_manifest_within_the_schema_has_no_anomalies() -> None:
    assert find_anomalies({"train": anomalies_of(images("train", 5))}) == []
    assert find_anomalies({"train": anomalies_of(images("train", 5, channels=3, bit_depth=16, mean=1.0))}) == []


@pytest.mark.parametrize(
    ("changes", "feature"),
    [
        ({"mean": 1.01}, contract.IMAGE_MEAN),
        ({"mean": float("nan")}, contract.IMAGE_MEAN),
        ({"std": -0.01}, contract.IMAGE_STD),
        ({"channels": 4}, contract.IMAGE_CHANNELS),
        ({"channels": 0}, contract.IMAGE_CHANNELS),
        ({"bit_depth": 17}, contract.IMAGE_BIT_DEPTH),
        ({"height": 0}, contract.IMAGE_HEIGHT),
        ({"width": 0}, contract.IMAGE_WIDTH),
    ],
)
def test_one_image_outside_the_schema_is_an_anomaly(changes: dict[str, Any], feature: str) -> None:
    entries = images("train", 5)
    entries[2] = replace(entries[2], **changes)

    (found,) = find_anomalies({"train": anomalies_of(entries)})

    assert found.message.startswith(f"split 'train', feature {feature!r}: ")


Change = Callable[[ManifestEntry], ManifestEntry]


@pytest.mark.parametrize(
    ("change", "features"),
    [
        (lambda each: each, set()),
        (lambda each: replace(each, mean=0.62), {"brightness"}),
        (lambda each: replace(each, bit_depth=16, height=960), {"bit depth", "height"}),
    ],
)
def test_drift_is_looked_for_in_train(change: Change, features: set[str]) -> None:
    earlier = replace(sample(images("train", 100), "train"), name="the last accepted data")
    now = sample([change(each) for each in alike()], "train")

    assert exceeding(compare(earlier, now, LIMIT)) == {
        ("the last accepted data", "train", feature) for feature in features
    }
