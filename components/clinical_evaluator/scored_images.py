"""Labelled images with a model's answers: what every figure is computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schema.errors import BreastImagingError


class UnusableScoresError(BreastImagingError):
    """A model's answers are no probabilities."""


@dataclass(frozen=True)
class ScoredImages:
    """Attributes:
    labels: class names, in the order of the probabilities.
    positive: index of the positive class.
    sources: of the images, (images,).
    groups: patients, or what stands for them, (images,).
    truth: int (images,), index of the class.
    probabilities: float (images, classes).
    decided: int (images,), class at the operating point.
    threshold: of the probability of the positive class.
    attributes: by name, the value for each image; empty where it is not known.
    """

    labels: Sequence[str]
    positive: int
    sources: Sequence[str]
    groups: NDArray[np.str_]
    truth: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    decided: NDArray[np.intp]
    threshold: float
    attributes: Mapping[str, NDArray[np.str_]]

    def __post_init__(self) -> None:
        """Raises UnusableScoresError where an answer is NaN or no probability."""
        wrong = [row for row, answer in enumerate(self.probabilities) if not ((answer >= 0) & (answer <= 1)).all()]
        if wrong:
            raise UnusableScoresError(
                f"The model answers what is no probability for {len(wrong)} of {len(self)} images.",
                reasons=[
                    f"{self.sources[row]}: {', '.join(f'{value:g}' for value in self.probabilities[row])}"
                    for row in wrong
                ],
                fix="train and export the model again; NaN often comes of a learning rate that is too high",
            )

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """(images,)"""
        return self.truth == self.positive

    @property
    def called_positive(self) -> NDArray[np.bool_]:
        """(images,)"""
        return self.decided == self.positive

    @property
    def scores(self) -> NDArray[np.float64]:
        """Probability of the positive class, (images,)."""
        return self.probabilities[:, self.positive]

    def subset(self, chosen: NDArray[np.bool_]) -> "ScoredImages":
        """Args: chosen: (images,)."""
        return self.take(np.flatnonzero(chosen).tolist())

    def take(self, rows: Sequence[int]) -> "ScoredImages":
        """The images of these rows, in this order."""
        places = np.asarray(rows, np.intp)
        return replace(
            self,
            sources=[self.sources[row] for row in rows],
            groups=self.groups[places],
            truth=self.truth[places],
            probabilities=self.probabilities[places],
            decided=self.decided[places],
            attributes={name: values[places] for name, values in self.attributes.items()},
        )
