"""The decision: the temperature first, then the threshold on what it makes of the probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import special

from components.settings import OperatingPointSettings, PredictionSettings
from components.trainer.calibration import apply_temperature, fit_temperature
from components.trainer.data import LabelCoding
from components.trainer.decision import Decision, choose_decision
from components.trainer.operating_point import threshold_for_recall, threshold_for_youden

CALIBRATED, AS_IT_IS = PredictionSettings(), PredictionSettings(calibration="none")


def _overconfident(classes: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits three times too large."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1, (400, classes))
    true = special.softmax(logits, axis=1)
    labels = (generator.uniform(size=(400, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    return special.softmax(3 * logits, axis=1).astype(np.float32), labels


def _point(rule: str, **values: float) -> OperatingPointSettings:
    return OperatingPointSettings.model_validate({"rule": rule, **values})


def test_by_example() -> None:
    # Sure to 90 %, right three times in four: odds of 9 become odds of 3, a temperature of 2.
    positive = np.array([0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    probabilities = np.stack([1 - positive, positive], axis=1)
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])

    calibrated = choose_decision(
        probabilities, labels, LabelCoding(2, 1), CALIBRATED, _point("recall", target_recall=0.75)
    )
    as_it_is = choose_decision(
        probabilities, labels, LabelCoding(2, 1), AS_IT_IS, _point("recall", target_recall=0.75)
    )

    assert calibrated.temperature == pytest.approx(2.0, abs=1e-3)
    assert calibrated.threshold == pytest.approx(0.5, abs=1e-6)  # midway between 0.25 and 0.75
    assert as_it_is == Decision(1.0, pytest.approx(0.5, abs=1e-6))  # midway between 0.1 and 0.9


@pytest.mark.parametrize(("classes", "positive"), [(2, 0), (2, 1), (3, 0), (3, 2)])
@pytest.mark.parametrize("rule", ["recall", "youden"])
def test_the_threshold_is_chosen_on_calibrated_probabilities(classes: int, positive: int, rule: str) -> None:
    probabilities, labels = _overconfident(classes)
    coding = LabelCoding(classes, positive)

    found = choose_decision(probabilities, labels, coding, CALIBRATED, _point(rule, target_recall=0.8))

    temperature = fit_temperature(probabilities, labels)
    assert 2.3 < temperature < 3.7
    choose = {"recall": lambda *of: threshold_for_recall(*of, 0.8), "youden": threshold_for_youden}[rule]
    expected, of_uncalibrated = (
        choose(labels == positive, scores[:, positive])
        for scores in (apply_temperature(probabilities, temperature), probabilities)
    )
    assert found == Decision(temperature, expected)
    assert abs(expected - of_uncalibrated) > 0.01


@pytest.mark.parametrize("rule", ["recall", "youden"])
def test_without_calibration_the_probabilities_are_taken_as_they_are(rule: str) -> None:
    probabilities, labels = _overconfident(2)

    found = choose_decision(probabilities, labels, LabelCoding(2, 1), AS_IT_IS, _point(rule, target_recall=0.8))

    choose = {"recall": lambda *of: threshold_for_recall(*of, 0.8), "youden": threshold_for_youden}[rule]
    assert found == Decision(1.0, choose(labels == 1, probabilities[:, 1]))


@pytest.mark.parametrize("prediction", [CALIBRATED, AS_IT_IS])
def test_a_fixed_threshold_is_taken_whatever_the_temperature(prediction: PredictionSettings) -> None:
    probabilities, labels = _overconfident(3)

    found = choose_decision(probabilities, labels, LabelCoding(3, 1), prediction, _point("fixed", threshold=0.3))

    assert found.threshold == 0.3
    assert (found.temperature == 1.0) == (prediction is AS_IT_IS)


@given(
    hnp.arrays(np.float32, 30, elements=st.floats(0, 1, width=32, allow_subnormal=False)),
    hnp.arrays(np.int64, 30, elements=st.integers(0, 1)),
    st.integers(1, 100),
)
@settings(max_examples=50)
def test_the_recall_is_reached_after_calibration(
    scores: NDArray[np.float32], labels: NDArray[np.int64], percent: int
) -> None:
    labels[0] = 1
    probabilities = np.stack([1 - scores, scores], axis=1)

    found = choose_decision(
        probabilities, labels, LabelCoding(2, 1), CALIBRATED, _point("recall", target_recall=percent / 100)
    )

    served = apply_temperature(probabilities, found.temperature)[labels == 1, 1]
    assert (served >= found.threshold).mean() >= percent / 100 - 1e-9
