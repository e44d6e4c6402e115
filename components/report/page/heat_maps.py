"""How far heat maps can be believed, in rows and in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from components.heat_map_evaluator.content import HeatMapEvaluation, LocalisationScore
from components.report.page.text import format_number

ALIKE: Final = 0.5  # rank correlation above which maps count as much the same


@dataclass(frozen=True)
class ScoreRow:
    title: str
    score: LocalisationScore


def score_rows(found: HeatMapEvaluation) -> list[ScoreRow]:
    """Of each class, of all images, and of a map that is bright in the middle of each."""
    whole = {"All images with a lesion": found.model, "The same, a map bright in the middle": found.middle}
    classes = [ScoreRow(label, score) for label, score in found.classes.items()]
    return [*classes, *(ScoreRow(title, score) for title, score in whole.items() if score)]


def judgements(found: HeatMapEvaluation) -> list[str]:
    """Sentences, good or bad."""
    return [*_on_lesions(found), *_on_learning(found)]


def _on_lesions(found: HeatMapEvaluation) -> Iterator[str]:
    if not found.model or not found.middle or found.model.pointing is None or found.model.chance is None:
        return
    pointing, chance, middle = found.model.pointing, found.model.chance, found.middle.pointing or 0.0
    if pointing <= chance:
        yield "The maps point at the lesion no more often than chance would: they do not show where it is."
    elif pointing <= middle:
        yield (
            "The maps point at the lesion more often than chance would, but no more often than a map that is bright"
            " in the middle of every image: do not take them for the place of a lesion."
        )
    else:
        yield (
            "The maps point at the lesion more often than chance would, and more often than a map that is bright in"
            f" the middle of every image ({format_number(pointing)}, {format_number(chance)} and"
            f" {format_number(middle)})."
        )


def _on_learning(found: HeatMapEvaluation) -> Iterator[str]:
    last = found.shuffled[-1].rank_correlation if found.shuffled else None
    if last is None:
        return
    if last > ALIKE:
        yield (
            "With all that was learnt shuffled away, the maps stay much the same: they show the image, and not what"
            " the model makes of it."
        )
    else:
        yield "With all that was learnt shuffled away, other maps come out: they depend on what the model has learnt."
