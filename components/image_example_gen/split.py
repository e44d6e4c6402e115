"""Splits groups of images into train, eval and test: by group, stratified by label, deterministic."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

DRAWN_LENGTH: Final = 64  # characters of what `draw_order` draws


def assign_splits(
    labels_of_group: Mapping[str, Counter[str]],
    shares: Mapping[str, float],
    seed: int,
    already: Mapping[str, Counter[str]] = MappingProxyType({}),
) -> dict[str, str]:
    """Decides the split of each group.

    The groups, those with the rarest classes first and otherwise in an order drawn from the seed, go one by one to
    the split that lags most behind its share of the images of the group's classes. While a split has no image of the
    group's rarest class, it comes first; so a class with as many groups as there are splits is in every one.

    Args:
        labels_of_group: for each group, its number of images of each label.
        shares: of each split, above 0; only their ratios count.
        already: for splits that hold images of other groups, their number of each label. The shares are those of
            the whole.

    Returns:
        The split of each group; the same for the same arguments, whatever their order.
    """
    groups_with = Counter(label for counts in labels_of_group.values() for label in counts)
    images_with: Counter[str] = sum([*labels_of_group.values(), *already.values()], Counter())
    assigned: dict[str, Counter[str]] = {split: Counter(already.get(split, {})) for split in shares}
    splits: dict[str, str] = {}
    for rarest, group in _in_order(labels_of_group, groups_with, seed):
        counts = labels_of_group[group]
        splits[group] = min(
            shares,
            key=lambda split: (
                assigned[split][rarest] > 0,
                sum(assigned[split][label] / (shares[split] * images_with[label]) for label in counts),
            ),
        )
        assigned[splits[group]].update(counts)
    return splits


def draw_order(seed: int, name: str) -> str:
    """A sort key that looks random, and depends on nothing but the seed and the name."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _in_order(
    labels_of_group: Mapping[str, Counter[str]], groups_with: Mapping[str, int], seed: int
) -> Iterator[tuple[str, str]]:
    """Each group with the rarest of its labels."""
    rarest = {
        group: min(counts, key=lambda label: (groups_with[label], label)) for group, counts in labels_of_group.items()
    }
    yield from (
        (rarest[group], group)
        for group in sorted(
            labels_of_group,
            key=lambda group: (groups_with[rarest[group]], rarest[group], draw_order(seed, group), group),
        )
    )
