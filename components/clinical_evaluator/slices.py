"""The same figures for parts of the images: one view, one site, one range of sizes."""

from collections.abc import Iterator, Sequence

import numpy as np

from components.clinical_evaluator.content import Figure, SliceEvaluation
from components.clinical_evaluator.figures import AUC, figure, share
from components.clinical_evaluator.scored_images import ScoredImages
from components.measures.group_bootstrap import group_intervals
from components.measures.proportions import proportion
from components.measures.ranking import RankedScores
from components.settings import ClinicalSettings


def evaluate_slices(images: ScoredImages, settings: ClinicalSettings) -> list[SliceEvaluation]:
    """One for each value of each attribute; images without a value are in none of its slices."""
    attributes = settings.slices if settings.slices is not None else tuple(images.attributes)
    return list(_evaluate(images, attributes, settings))


def _evaluate(
    images: ScoredImages, attributes: Sequence[str], settings: ClinicalSettings
) -> Iterator[SliceEvaluation]:
    for attribute in attributes:
        values = images.attributes.get(attribute)
        for value in () if values is None else np.unique(values):
            if value:
                yield _slice(attribute, str(value), images.subset(values == value), settings)


def _slice(attribute: str, value: str, images: ScoredImages, settings: ClinicalSettings) -> SliceEvaluation:
    positive, called = images.is_positive, images.called_positive
    return SliceEvaluation(
        attribute=attribute,
        value=value,
        images=len(images),
        groups=len(np.unique(images.groups)),
        positives=int(positive.sum()),
        auc=_auc(images, settings),
        recall=share(proportion(called[positive], images.groups[positive])),
        specificity=share(proportion(~called[~positive], images.groups[~positive])),
        remark=_remark(images),
    )


def _auc(images: ScoredImages, settings: ClinicalSettings) -> Figure:
    if _remark(images):
        return Figure(value=None)
    ranking = RankedScores(images.is_positive, images.scores)
    found = group_intervals(
        images.groups, lambda weights: {AUC: ranking.curve(weights).auc}, settings.replicates, settings.seed
    )
    return figure(found[AUC])


def _remark(images: ScoredImages) -> str:
    positive = images.labels[images.positive]
    if not images.is_positive.any():
        return f"no {positive} images, so no AUC and no recall"
    if images.is_positive.all():
        return f"{positive} images alone, so no AUC and no specificity"
    return ""
