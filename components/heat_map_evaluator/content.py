"""What an evaluation of heat maps found."""

from typing import Final

from pydantic import BaseModel, ConfigDict

EVALUATION_FILE: Final = "heat_maps.json"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LocalisationScore(Frozen):
    """As `Localisation`, of images that show a lesion; None where nothing could be scored."""

    pointing: float | None
    energy: float | None
    chance: float | None
    scored: int
    silent: int


class ShuffledScore(Frozen):
    """How alike the maps are to those of the model as it is, once so many layers are shuffled from the output on.

    Attributes: compared: number of images.
    """

    layers: int
    rank_correlation: float | None
    overlap: float | None
    compared: int


class HeatMapEvaluation(Frozen):
    """Attributes:
    positive_label: the class that the maps speak for.
    classes: scores of the images of each class that have lesions.
    model: of all of them.
    middle: what a map gets that is the same for all images, bright in the middle, where whoever takes an image puts
        the lesion.
    shuffled: from no layer to all.
    unreadable: mask files that are no images.
    missing: a sentence that says why nothing was scored; empty otherwise.
    """

    positive_label: str
    classes: dict[str, LocalisationScore] = {}
    model: LocalisationScore | None = None
    middle: LocalisationScore | None = None
    shuffled: list[ShuffledScore] = []
    unreadable: list[str] = []
    missing: str = ""
