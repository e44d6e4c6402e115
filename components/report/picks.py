"""Which tested images are worth a look."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.clinical_evaluator.scored_images import ScoredImages
from components.report.thinning import thin

MOST_OF_A_KIND: Final = 8


@dataclass(frozen=True)
class Picks:
    """Images of one kind.

    Attributes:
        meaning: a sentence that says how they were picked.
        rows: places among the scored images, in the order to show them in.
    """

    title: str
    meaning: str
    rows: list[int]


def pick_images(images: ScoredImages) -> list[Picks]:
    """The worst errors, the most uncertain answers, and correct ones of each class."""
    return [_worst_errors(images), _most_uncertain(images), *_correct(images)]


def _worst_errors(images: ScoredImages) -> Picks:
    wrong = np.flatnonzero(images.decided != images.truth)
    rows = wrong[np.argsort(-_confidence(images)[wrong], kind="stable")]
    return Picks(
        "Worst errors",
        "Wrong answers, those with the highest probability of the wrong class first.",
        rows[:MOST_OF_A_KIND].tolist(),
    )


def _most_uncertain(images: ScoredImages) -> Picks:
    rows = np.argsort(np.abs(images.scores - images.threshold), kind="stable")
    return Picks(
        "Most uncertain",
        "Right or wrong, those whose probability lies closest to the threshold.",
        rows[:MOST_OF_A_KIND].tolist(),
    )


def _correct(images: ScoredImages) -> Iterator[Picks]:
    for index, label in enumerate(images.labels):
        right = np.flatnonzero((images.truth == index) & (images.decided == index))
        ranked = right[np.argsort(-_confidence(images)[right], kind="stable")]
        yield Picks(
            f"Correct: {label}",
            "Right answers, spread evenly from the most to the least confident.",
            thin(ranked, MOST_OF_A_KIND).tolist(),
        )


def _confidence(images: ScoredImages) -> NDArray[np.float64]:
    """Probability of the class that was decided on, (images,)."""
    return np.take_along_axis(images.probabilities, images.decided[:, None], axis=1)[:, 0]
