"""Models of known worth, tested on patients drawn anew, so that what the clinical gate says is right or wrong.

Scores are binormal: those of malignant images lie higher by what makes the true AUC. Images of a patient share a part
of their score, and so do two models on one image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.scored_images import ScoredImages
from tests.clinical import evaluation_of, scored_images


@dataclass(frozen=True)
class Study:
    """Attributes:
    patients: of each class.
    images_per_patient: all of one class.
    correlation: of the scores of two images of a patient.
    """

    patients: int
    images_per_patient: int = 1
    correlation: float = 0.5

    @property
    def images(self) -> int:
        return 2 * self.patients * self.images_per_patient


def simulate_model(study: Study, auc: float, recall: float, seed: int) -> ScoredImages:
    """A model of this true AUC, whose threshold has this true recall, on one draw of patients."""
    shared, own = _noise(study, np.random.default_rng(seed))
    return _answers(study, _mix(study, shared, own), auc, recall)


def simulate_pair(
    study: Study, auc: float, earlier_auc: float, alike: float, seed: int
) -> tuple[ScoredImages, Baseline]:
    """A model and an earlier one on the same images. Args: alike: correlation of their scores within a class."""
    random = np.random.default_rng(seed)
    first, second = (_mix(study, *_noise(study, random)) for _ in range(2))
    earlier = alike * first + np.sqrt(1 - alike**2) * second
    return _answers(study, first, auc, 0.9), Baseline("earlier", _answers(study, earlier, earlier_auc, 0.9))


def share_blessed(verdicts: list[bool]) -> float:
    return float(np.mean(verdicts))


def is_blessed(images: ScoredImages, baseline: Baseline | None = None, **asked: float) -> bool:
    """By the clinical evaluation, asked for nothing but this."""
    nothing = {"minimum_auc": 0.0, "minimum_recall": 0.0, "maximum_auc_drop": 1.0}
    fixed = {"fixed_specificities": (), "fixed_sensitivities": (), "slices": ()}
    return evaluation_of(images, baseline, **(nothing | fixed | asked)).verdict.blessed


def _noise(study: Study, random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each image: what it shares with the other images of its patient, and its own."""
    shared = np.repeat(random.normal(size=2 * study.patients), study.images_per_patient)
    return shared, random.normal(size=study.images)


def _mix(study: Study, shared: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(study.correlation) * shared + np.sqrt(1 - study.correlation) * own


def _answers(study: Study, noise: NDArray[np.float64], auc: float, recall: float) -> ScoredImages:
    malignant = np.arange(study.images) >= study.images // 2
    distance = np.sqrt(2) * norm.ppf(auc)
    scores = noise + distance * malignant
    probabilities = 1 / (1 + np.exp(-(scores - distance / 2)))
    return scored_images(
        study.images,
        truth=malignant.astype(int),
        groups=np.array([f"p{number // study.images_per_patient}" for number in range(study.images)]),
        probabilities=np.column_stack([1 - probabilities, probabilities]),
        decided=(scores >= distance + norm.ppf(1 - recall)).astype(int),
        attributes={},
    )
