"""An answer as people read it."""

from dataclasses import dataclass
from typing import Final

from serving.client import Prediction

POSITIVE_CLASS: Final = "the positive class"

_LEAST, _MOST = 3, 8  # decimals; a float32 below 1 has no more


@dataclass(frozen=True)
class Bar:
    """The probability of a class.

    Attributes:
        share: in [0, 1].
        threshold: that decides on this class, in [0, 1]; None for the other classes.
    """

    name: str
    share: float
    text: str
    threshold: float | None


@dataclass(frozen=True)
class Reading:
    """Attributes: sentence: on which side of the threshold the image lies; bars: in the model's order."""

    label: str
    sentence: str
    bars: tuple[Bar, ...]


def read_prediction(prediction: Prediction) -> Reading:
    """What is shown of a prediction."""
    decimals = _decimals(prediction)
    positive = positive_class(prediction)
    sentence = (
        f"The probability of {positive or POSITIVE_CLASS} is {prediction.malignant_probability:.{decimals}f},"
        f" {_side(prediction)} the threshold of {prediction.threshold:.{decimals}f}."
    )
    bars = tuple(
        Bar(name, share, f"{share:.{decimals}f}", prediction.threshold if name == positive else None)
        for name, share in prediction.probabilities.items()
    )
    return Reading(prediction.label, sentence, bars)


def positive_class(prediction: Prediction) -> str | None:
    """The class that the threshold decides on. An answer does not name it; None where it leaves two possible."""
    if prediction.malignant_probability >= prediction.threshold:
        return prediction.label
    alike = [
        name
        for name, share in prediction.probabilities.items()
        if name != prediction.label and share == prediction.malignant_probability
    ]
    return alike[0] if len(alike) == 1 else None


def _side(prediction: Prediction) -> str:
    if prediction.malignant_probability == prediction.threshold:
        return "exactly at"
    return "above" if prediction.malignant_probability > prediction.threshold else "below"


def _decimals(prediction: Prediction) -> int:
    """Enough to see on which side of the threshold the probability lies."""
    value, threshold = prediction.malignant_probability, prediction.threshold
    telling = (each for each in range(_LEAST, _MOST) if round(value, each) != round(threshold, each))
    return _LEAST if value == threshold else next(telling, _MOST)
