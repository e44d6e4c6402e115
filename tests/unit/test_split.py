"""The split: by group, stratified, reproducible."""

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.image_example_gen.split import assign_splits, draw_order
from schema import contract

Groups = dict[str, Counter[str]]
Shares = dict[str, float]
LABELS = ("benign", "malignant", "normal")
USUAL: Shares = {"train": 0.7, "eval": 0.15, "test": 0.15}
SEEDS = st.integers(0, 2**32)


@st.composite
def shares(draw: st.DrawFn) -> Shares:
    train = draw(st.integers(5, 90))
    evaluation = draw(st.integers(5, 95 - train))
    return {"train": train / 100, "eval": evaluation / 100, "test": (100 - train - evaluation) / 100}


@st.composite
def pure_groups(draw: st.DrawFn, minimum: int = 3) -> Groups:
    """Groups with one label each, at least `minimum` of them a label."""
    groups: Groups = {}
    for label in LABELS:
        sizes = draw(st.lists(st.integers(1, 12), min_size=minimum, max_size=12))
        groups |= {f"{label}-{number}": Counter({label: size}) for number, size in enumerate(sizes)}
    return groups


@st.composite
def mixed_groups(draw: st.DrawFn) -> Groups:
    """Groups with any labels."""
    contents = draw(
        st.lists(st.dictionaries(st.sampled_from(LABELS), st.integers(1, 5), min_size=1), min_size=1, max_size=20)
    )
    return {f"patient {number}": Counter(content) for number, content in enumerate(contents)}


def _images(groups: Groups, splits: Mapping[str, str], label: str) -> dict[str, int]:
    return {
        split: sum(counts[label] for group, counts in groups.items() if splits[group] == split)
        for split in contract.SPLITS
    }


@given(pure_groups(), shares(), SEEDS)
def test_every_group_is_in_one_split_and_every_class_in_each(groups: Groups, wanted: Shares, seed: int) -> None:
    splits = assign_splits(groups, wanted, seed)

    assert set(splits) == set(groups)
    assert set(splits.values()) == set(contract.SPLITS)
    for label in LABELS:
        assert min(_images(groups, splits, label).values()) > 0


@given(pure_groups(), shares(), SEEDS)
def test_shares_are_met_within_the_size_of_a_group(groups: Groups, wanted: Shares, seed: int) -> None:
    splits = assign_splits(groups, wanted, seed)

    for label in LABELS:
        total = sum(counts[label] for counts in groups.values())
        largest = max(counts[label] for counts in groups.values())
        for split, images in _images(groups, splits, label).items():
            excess = images - wanted[split] * total
            assert excess <= largest + 1e-6
            assert excess >= -2 * largest - 1e-6  # the other two may each be one group above theirs


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_many_small_groups_are_met_closely(seed: int) -> None:
    groups = {f"{label}-{n}": Counter({label: 1 + n % 3}) for label in LABELS for n in range(300)}

    splits = assign_splits(groups, USUAL, seed)

    for label in LABELS:
        assert _images(groups, splits, label) == {
            "train": pytest.approx(420, abs=6),
            "eval": pytest.approx(90, abs=3),
            "test": pytest.approx(90, abs=3),
        }


@given(pure_groups(), shares(), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(groups: Groups, wanted: Shares, seed: int, random: Random) -> None:
    items = list(groups.items())
    random.shuffle(items)

    assert assign_splits(dict(items), wanted, seed) == assign_splits(groups, wanted, seed)


@given(mixed_groups(), shares(), SEEDS, st.randoms(use_true_random=False))
def test_groups_with_several_labels_are_split_whole_whatever_the_order(
    groups: Groups, wanted: Shares, seed: int, random: Random
) -> None:
    items = [
        (group, Counter(dict(random.sample(list(counts.items()), len(counts))))) for group, counts in groups.items()
    ]
    random.shuffle(items)

    splits = assign_splits(groups, wanted, seed)

    assert set(splits) == set(groups)
    assert set(splits.values()) <= set(wanted)
    assert assign_splits(dict(items), wanted, seed) == splits


@given(mixed_groups(), shares(), SEEDS)
def test_only_the_ratios_of_the_shares_count(groups: Groups, wanted: Shares, seed: int) -> None:
    eighths = {split: round(share * 8 + 1) / 8 for split, share in wanted.items()}
    doubled = {split: share * 4 for split, share in eighths.items()}

    assert assign_splits(groups, doubled, seed) == assign_splits(groups, eighths, seed)


@given(pure_groups(minimum=2), SEEDS)
def test_any_names_of_splits_will_do(groups: Groups, seed: int) -> None:
    splits = assign_splits(groups, {"learnt": 0.8, "tested": 0.2}, seed)

    for label in LABELS:
        assert {splits[group] for group, counts in groups.items() if label in counts} == {"learnt", "tested"}


def test_no_groups_no_splits() -> None:
    assert assign_splits({}, USUAL, 0) == {}


def test_a_group_with_several_labels_counts_for_the_rarest() -> None:
    # Three groups hold a malignant image, so they must go to three splits, whatever else they hold.
    groups = {f"b{n}": Counter(benign=5) for n in range(20)}
    groups |= {f"m{n}": Counter(benign=50, malignant=1) for n in range(3)}

    for seed in range(20):
        splits = assign_splits(groups, USUAL, seed)
        assert {splits[f"m{n}"] for n in range(3)} == set(contract.SPLITS)


def test_the_result_is_the_same_on_every_machine_and_in_every_release() -> None:
    groups = {f"{label}{n}": Counter({label: 1}) for label in ("a", "b") for n in range(6)}

    first = assign_splits(groups, USUAL, 0)
    second = assign_splits(groups, USUAL, 1)

    assert {group: split for group, split in first.items() if split != "train"} == {
        "a1": "eval",
        "a2": "test",
        "b0": "eval",
        "b3": "test",
    }
    assert {group: split for group, split in second.items() if split != "train"} == {
        "a3": "eval",
        "a5": "test",
        "b0": "eval",
        "b3": "test",
    }


@pytest.mark.parametrize(("groups", "splits"), [(1, {"train"}), (2, {"train", "eval"}), (3, set(contract.SPLITS))])
def test_a_class_of_few_groups_is_in_as_many_splits(groups: int, splits: set[str]) -> None:
    data = {f"b{n}": Counter(benign=3) for n in range(9)} | {f"m{n}": Counter(malignant=9) for n in range(groups)}

    for seed in range(20):
        found = assign_splits(data, USUAL, seed)
        assert {found[f"m{n}"] for n in range(groups)} == splits


def test_draw_order_depends_on_seed_and_name() -> None:
    keys = {draw_order(seed, name) for seed in range(10) for name in ("a", "b", "c")}

    assert len(keys) == 30
    assert draw_order(3, "a") == draw_order(3, "a")


@given(pure_groups(minimum=8))
def test_another_seed_gives_another_split(groups: Groups) -> None:
    results = [assign_splits(groups, USUAL, seed) for seed in range(8)]

    assert any(result != results[0] for result in results[1:])
