"""Scores the heat maps of a model against lesions, and against those of the model with shuffled weights."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.example_files import Picture, find_pictures
from components.heat_map_evaluator.content import HeatMapEvaluation, LocalisationScore, ShuffledScore
from components.heat_map_evaluator.explain import BATCH_SIZE
from components.heat_map_evaluator.lesions import Lesions
from components.heat_map_evaluator.localisation import Localisation, localise
from components.heat_map_evaluator.randomisation import Stage, randomise
from components.measures.known import known
from components.progress import Progress, report_progress
from schema import contract
from serving.servable import Servable

TASK: Final = "asking for heat maps"
NO_LESIONS: Final = "None of the tested images has a mask that marks a lesion."
NO_HEAT_MAPS: Final = "The model was exported without heat maps."
MIDDLE_DEVIATION: Final = 0.2  # of the side
SHUFFLED_IMAGES: Final = 32
SEED: Final = 0


def evaluate_heat_maps(
    model: str, patterns: Sequence[str], lesions: Lesions, positive_label: str
) -> HeatMapEvaluation:
    """Args:
    model: folder of the SavedModel.
    patterns: of the TFRecord files that hold the images.

    Raises UnusableModelError where the model cannot be loaded or asked.
    """
    unreadable = list(lesions.unreadable)
    if not lesions.masks:
        return HeatMapEvaluation(positive_label=positive_label, unreadable=unreadable, missing=NO_LESIONS)
    with Servable(model) as servable:
        if not servable.has_signature(contract.SERVING_EXPLANATION):
            return HeatMapEvaluation(positive_label=positive_label, unreadable=unreadable, missing=NO_HEAT_MAPS)
        labels, maps = _ask(servable, find_pictures(patterns, lesions.masks), len(lesions.masks))
        # The last thing asked of it, since its weights are others then.
        shuffled = _score_shuffled(servable, patterns, dict(zip(labels, maps, strict=True)))
    masks = np.stack([lesions.masks[source] for source in labels])
    return HeatMapEvaluation(
        positive_label=positive_label,
        classes=_score_classes(np.array(list(labels.values())), maps, masks),
        model=_score(localise(maps, masks)),
        middle=_score(localise(np.broadcast_to(middle(), masks.shape), masks)),
        shuffled=shuffled,
        unreadable=unreadable,
    )


def middle() -> NDArray[np.float64]:
    """A map that is bright in the middle, (HEAT_MAP_SIDE, HEAT_MAP_SIDE)."""
    offsets = (np.arange(contract.HEAT_MAP_SIDE) + 0.5) / contract.HEAT_MAP_SIDE - 0.5
    profile = np.exp(-0.5 * (offsets / MIDDLE_DEVIATION) ** 2)
    return np.outer(profile, profile)


def _ask(
    servable: Servable, pictures: Iterator[Picture], total: int
) -> tuple[Mapping[str, str], NDArray[np.float32]]:
    """Labels by source, and maps in the same order; few images at once, since there may be thousands."""
    labels, maps = dict[str, str](), []
    while batch := list(islice(pictures, BATCH_SIZE)):
        maps.append(servable.explain_images([picture.png for picture in batch]).heat_maps)
        labels |= {picture.source: picture.label for picture in batch}
        report_progress(Progress(TASK, advance=len(batch), total=total))
    return labels, np.concatenate(maps)


def _score_shuffled(
    servable: Servable, patterns: Sequence[str], maps: Mapping[str, NDArray[np.float32]]
) -> list[ShuffledScore]:
    """Of some of the images, since each stage takes as long as that many predictions. Args: maps: by source."""
    drawn = np.random.default_rng(SEED).permutation(sorted(maps))[:SHUFFLED_IMAGES].tolist()
    pictures = list(find_pictures(patterns, drawn))
    before = np.stack([maps[picture.source] for picture in pictures])
    return [_shuffled(stage) for stage in randomise(servable, [picture.png for picture in pictures], before, SEED)]


def _score_classes(
    labels: NDArray[np.str_], maps: NDArray[np.float32], masks: NDArray[np.bool_]
) -> dict[str, LocalisationScore]:
    return {
        str(label): _score(localise(maps[labels == label], masks[labels == label])) for label in np.unique(labels)
    }


def _score(found: Localisation) -> LocalisationScore:
    return LocalisationScore(
        pointing=known(found.pointing),
        energy=known(found.energy),
        chance=known(found.chance),
        scored=found.scored,
        silent=found.silent,
    )


def _shuffled(stage: Stage) -> ShuffledScore:
    alike = stage.similarity
    return ShuffledScore(
        layers=stage.layers,
        rank_correlation=known(alike.rank_correlation),
        overlap=known(alike.overlap),
        compared=alike.compared,
    )
