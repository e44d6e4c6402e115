"""Folds of groups, and within each turn what is learnt from and what chooses."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.image_example_gen.split import assign_splits
from components.settings import SplitSettings
from schema import contract
from schema.errors import DataRejectedError


@dataclass(frozen=True)
class Turn:
    """Positions of the images of one turn: each (n,), no group in two of them."""

    train: NDArray[np.intp]
    evaluation: NDArray[np.intp]
    test: NDArray[np.intp]


def turns(
    groups: Sequence[str], labels: Sequence[str], folds: int, shares: SplitSettings, seed: int
) -> Iterator[Turn]:
    """One turn for each fold, which is tested while the others are divided into train and eval.

    Groups are spread over folds, and over train and eval, as ingestion spreads them over splits: balanced by label.

    Args:
        groups, labels: of the images.
        folds: two or more.
        shares: of train and eval.

    Raises DataRejectedError where a class has fewer than two groups for each fold.
    """
    _check_groups(groups, labels, folds)
    fold_of = assign_splits(_labels_of(groups, labels), {str(fold): 1.0 for fold in range(folds)}, seed)
    for fold in range(folds):
        is_test = np.array([fold_of[group] == str(fold) for group in groups])
        rest = np.flatnonzero(~is_test)
        left = rest.tolist()
        split_of = assign_splits(
            _labels_of([groups[row] for row in left], [labels[row] for row in left]),
            {contract.TRAIN: shares.train, contract.EVAL: shares.eval},
            seed,
        )
        is_train = np.array([split_of[groups[row]] == contract.TRAIN for row in left])
        yield Turn(rest[is_train], rest[~is_train], np.flatnonzero(is_test))


def _check_groups(groups: Sequence[str], labels: Sequence[str], folds: int) -> None:
    groups_of = Counter(label for _, label in set(zip(groups, labels, strict=True)))
    few = [f"class {label!r}: {count} groups" for label, count in sorted(groups_of.items()) if count < 2 * folds]
    if few:
        raise DataRejectedError(
            f"Too few groups for {folds} folds, which take {2 * folds} of each class.",
            reasons=few,
            fix="ask for fewer --folds, or add images of further patients",
        )


def _labels_of(groups: Sequence[str], labels: Sequence[str]) -> dict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group, label in zip(groups, labels, strict=True):
        found[group][label] += 1
    return found
