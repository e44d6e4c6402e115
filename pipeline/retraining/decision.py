"""Whether to train, from what is known: a pure function, so that every case is a row of a table."""

from dataclasses import dataclass
from typing import Literal

from components.settings import RetrainingSettings


@dataclass(frozen=True)
class Facts:
    """What a decision rests on.

    Attributes:
        new_images, new_patients: accepted, and no model was trained on them yet.
        drift: whether a span among these differs from those accepted before it.
        model_age_days: of the published model; None where there is none.
    """

    new_images: int
    new_patients: int
    drift: bool
    model_age_days: float | None


@dataclass(frozen=True)
class Decision:
    """Attributes: reasons: one sentence each."""

    action: Literal["skip", "train"]
    reasons: tuple[str, ...]


def decide(facts: Facts, settings: RetrainingSettings) -> Decision:
    """Trains on enough new data, and on fewer where there is no model, they differ, or the model is too old.

    Nothing new is never trained on: the same data give the same model.
    """
    if facts.new_images == 0:
        return Decision("skip", ("There is nothing new to train on.",))
    new = f"{_count(facts.new_images, 'new image')} of {_count(facts.new_patients, 'patient')}"
    reasons = []
    if facts.model_age_days is None:
        reasons.append("No model is published yet.")
    if facts.new_images >= settings.minimum_new_images and facts.new_patients >= settings.minimum_new_patients:
        reasons.append(f"Enough is new: {new}.")
    if facts.drift:
        reasons.append("New data differ from the accepted ones.")
    maximum, age = settings.maximum_age_days, facts.model_age_days
    if maximum is not None and age is not None and age > maximum:
        reasons.append(f"The published model is {age:.0f} days old; at most {maximum:g} are allowed.")
    if reasons:
        return Decision("train", tuple(reasons))
    least = f"{settings.minimum_new_images} images of {settings.minimum_new_patients} patients"
    return Decision("skip", (f"Too little is new: {new}; at least {least} are asked for.",))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
