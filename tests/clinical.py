"""Made-up answers of a model, and their clinical evaluation."""

from functools import cache
from typing import Any

import numpy as np

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.evaluate import evaluate
from components.clinical_evaluator.scored_images import ScoredImages
from components.settings import ClinicalEvaluationSettings, ClinicalSettings

LABELS = ("benign", "malignant")


def scored_images(images: int = 120, separation: float = 2.0, seed: int = 0, **changes: Any) -> ScoredImages:
    """Two classes, half of the images each, two images of each patient."""
    random = np.random.default_rng(seed)
    truth = np.arange(images) // 2 % 2
    scores = 1 / (1 + np.exp(-(random.normal(0, 1, images) + separation * (truth - 0.5))))
    values: dict[str, Any] = {
        "labels": LABELS,
        "positive": 1,
        "sources": [f"image {number}.png" for number in range(images)],
        "groups": np.array([f"patient {number // 2}" for number in range(images)]),
        "truth": truth,
        "probabilities": np.column_stack([1 - scores, scores]),
        "decided": (scores >= 0.5).astype(int),
        "threshold": 0.5,
        "attributes": {"view": np.where(np.arange(images) % 2 == 0, "CC", "MLO")},
    }
    return ScoredImages(**(values | changes))


def settings_of(labels: tuple[str, ...] = LABELS, **clinical: Any) -> ClinicalEvaluationSettings:
    return ClinicalEvaluationSettings(
        labels=labels, positive_label=labels[-1], splits=("test",), clinical=ClinicalSettings(**clinical)
    )


def evaluation_of(images: ScoredImages, baseline: Baseline | None = None, **clinical: Any) -> ClinicalEvaluation:
    return evaluate("example", images, baseline, [], settings_of(tuple(images.labels), **clinical))


@cache
def example_evaluation(
    certify: bool = False, minimum_auc: float = 0.5, minimum_recall: float = 0.5
) -> ClinicalEvaluation:
    return evaluation_of(scored_images(), certify=certify, minimum_auc=minimum_auc, minimum_recall=minimum_recall)
