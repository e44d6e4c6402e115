"""From probabilities to a decision: temperature and threshold, both chosen on `eval`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.settings import OperatingPointSettings, PredictionSettings
from components.trainer.calibration import apply_temperature, fit_temperature
from components.trainer.data import LabelCoding
from components.trainer.operating_point import threshold_for_recall, threshold_for_youden


@dataclass(frozen=True)
class Decision:
    """Attributes: temperature: above 0; threshold: of the calibrated probability of the positive class."""

    temperature: float
    threshold: float


def choose_decision(
    probabilities: NDArray[np.floating],
    label_indices: NDArray[np.int64],
    coding: LabelCoding,
    prediction: PredictionSettings,
    operating_point: OperatingPointSettings,
) -> Decision:
    """Fits the temperature, then chooses the threshold on what it makes of the probabilities.

    Args:
        probabilities: float (images, classes), before calibration.
        label_indices: (images,), the true classes.
    """
    temperature = 1.0 if prediction.calibration == "none" else fit_temperature(probabilities, label_indices)
    scores = apply_temperature(probabilities, temperature)[:, coding.positive]
    return Decision(temperature, _threshold(label_indices == coding.positive, scores, operating_point))


def _threshold(
    is_positive: NDArray[np.bool_], scores: NDArray[np.floating], settings: OperatingPointSettings
) -> float:
    match settings.rule:
        case "recall":
            return threshold_for_recall(is_positive, scores, settings.target_recall)
        case "youden":
            return threshold_for_youden(is_positive, scores)
        case "fixed":
            return settings.threshold
