"""Splits images at random, as scripts do that know no patients."""

from collections.abc import Mapping, Sequence

from sklearn.model_selection import train_test_split

TRAIN, VALIDATION, TEST = "train", "eval", "test"


def split_at_random(labels: Mapping[str, str], seed: int) -> dict[str, str]:
    """70 % to learn from, 15 % to choose the epoch by, 15 % to test on, of each class.

    Args:
        labels: classes by image.
    """
    learnt, rest = _parted(list(labels), labels, 0.3, seed)
    validation, test = _parted(rest, labels, 0.5, seed)
    return {**dict.fromkeys(learnt, TRAIN), **dict.fromkeys(validation, VALIDATION), **dict.fromkeys(test, TEST)}


def _parted(
    images: Sequence[str], labels: Mapping[str, str], share: float, seed: int
) -> tuple[Sequence[str], Sequence[str]]:
    classes = [labels[image] for image in images]
    first, second = train_test_split(images, test_size=share, random_state=seed, stratify=classes)
    return first, second
