"""Splits groups of images into train, eval and test: by group, stratified by label, deterministic."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from components.settings import SplitSettings
from schema import contract
from schema.errors import DataRejectedError


def assign_splits(
    labels_of_group: Mapping[str, Counter[str]], labels: Sequence[str], shares: SplitSettings, seed: int
) -> dict[str, str]:
    """Decides the split of each group.

    The groups of a class, in an order drawn from the seed, go one by one to the split that lags most behind its
    share of the images of that class. The first three therefore go to three different splits, so that a class
    with at least three groups is in every split. A group with several labels counts for the rarest of them.

    Args:
        labels_of_group: for each group, its number of images of each label.
        labels: all labels; each must be in at least three groups.

    Returns:
        train, eval or test for each group; the same for the same arguments, whatever their order.

    Raises:
        DataRejectedError: a class is in too few groups, or lacks in a split.
    """
    _check_groups_per_class(labels_of_group, labels)
    splits: dict[str, str] = {}
    for groups in _groups_by_stratum(labels_of_group).values():
        sizes = {group: labels_of_group[group].total() for group in groups}
        splits |= _assign_stratum(sizes, shares, seed)
    _check_every_class_everywhere(labels_of_group, labels, splits)
    return splits


def draw_order(seed: int, name: str) -> str:
    """A sort key that looks random, and depends on nothing but the seed and the name."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _groups_by_stratum(labels_of_group: Mapping[str, Counter[str]]) -> dict[str, list[str]]:
    groups_with = Counter(label for counts in labels_of_group.values() for label in counts)
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for group, counts in labels_of_group.items():
        rarest = min(counts, key=lambda label: (groups_with[label], label))
        strata[rarest].append(group)
    return strata


def _assign_stratum(sizes: Mapping[str, int], shares: SplitSettings, seed: int) -> dict[str, str]:
    wanted = {split: getattr(shares, split) * sum(sizes.values()) for split in contract.SPLITS}
    assigned = dict.fromkeys(contract.SPLITS, 0)
    splits = {}
    for group in sorted(sizes, key=lambda group: (draw_order(seed, group), group)):
        split = min(contract.SPLITS, key=lambda split: assigned[split] / wanted[split])
        splits[group] = split
        assigned[split] += sizes[group]
    return splits


def _check_groups_per_class(labels_of_group: Mapping[str, Counter[str]], labels: Sequence[str]) -> None:
    groups_with = Counter(label for counts in labels_of_group.values() for label in counts)
    reasons = [
        f"class {label!r}: {groups_with[label]} of at least {len(contract.SPLITS)} groups"
        for label in labels
        if groups_with[label] < len(contract.SPLITS)
    ]
    if reasons:
        raise DataRejectedError(
            "The data cannot be split into train, eval and test, because images of one group (patient, or set of"
            " near-duplicates) must stay together.",
            reasons=reasons,
            fix="add images of further patients to these classes",
        )


def _check_every_class_everywhere(
    labels_of_group: Mapping[str, Counter[str]], labels: Sequence[str], splits: Mapping[str, str]
) -> None:
    present = {(splits[group], label) for group, counts in labels_of_group.items() for label in counts}
    reasons = [
        f"no image of class {label!r} in split {split!r}"
        for split in contract.SPLITS
        for label in labels
        if (split, label) not in present
    ]
    if reasons:
        raise DataRejectedError(
            "The data cannot be split so that every class is in train, eval and test.",
            reasons=reasons,
            fix="add images of further patients, or try another --set data.seed",
        )
