"""What the web app says of an answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.app.reading import positive_class, read_prediction
from serving.client import Prediction


def prediction(probabilities: dict[str, float], positive: str, threshold: float) -> Prediction:
    """As a model decides: the positive class from the threshold on, else the most probable of the others."""
    others = {name: share for name, share in probabilities.items() if name != positive}
    label = positive if probabilities[positive] >= threshold else max(others, key=lambda name: others[name])
    return Prediction(label, probabilities, probabilities[positive], threshold, "model", 3, 0.1)


@pytest.mark.parametrize(
    ("probability", "threshold", "sentence"),
    [
        (0.83, 0.2, "The probability of malignant is 0.830, above the threshold of 0.200."),
        (0.13, 0.2, "The probability of malignant is 0.130, below the threshold of 0.200."),
        (0.2, 0.2, "The probability of malignant is 0.200, exactly at the threshold of 0.200."),
        (0.19996, 0.2, "The probability of malignant is 0.19996, below the threshold of 0.20000."),
        (0.0, 1.0, "The probability of malignant is 0.000, below the threshold of 1.000."),
    ],
)
def test_the_side_of_the_threshold(probability: float, threshold: float, sentence: str) -> None:
    answer = prediction({"benign": 1 - probability, "malignant": probability}, "malignant", threshold)

    assert read_prediction(answer).sentence == sentence


def test_the_bars_are_the_classes_in_the_models_order() -> None:
    reading = read_prediction(prediction({"normal": 0.125, "benign": 0.625, "malignant": 0.25}, "malignant", 0.3))

    assert reading.label == "benign"
    assert [(bar.name, bar.share, bar.text, bar.threshold) for bar in reading.bars] == [
        ("normal", 0.125, "0.125", None),
        ("benign", 0.625, "0.625", None),
        ("malignant", 0.25, "0.250", 0.3),
    ]


def test_where_two_classes_may_be_the_positive_one_neither_is_named() -> None:
    reading = read_prediction(prediction({"normal": 0.0, "benign": 1.0, "malignant": 0.0}, "malignant", 0.3))

    assert reading.sentence == "The probability of the positive class is 0.000, below the threshold of 0.300."
    assert [bar.threshold for bar in reading.bars] == [None, None, None]


shares = st.floats(0, 1, width=32)


@given(shares, shares, shares, shares)
def test_no_other_class_is_taken_for_the_positive_one(first: float, second: float, own: float, limit: float) -> None:
    answer = prediction({"normal": first, "benign": second, "malignant": own}, "malignant", limit)

    assert positive_class(answer) in {"malignant", None}


@given(shares, shares)
def test_probability_and_threshold_never_look_alike_where_they_differ(probability: float, threshold: float) -> None:
    answer = prediction({"benign": 1 - probability, "malignant": probability}, "malignant", threshold)
    shown = [float(word.strip(".,")) for word in read_prediction(answer).sentence.split() if word[0].isdigit()]

    if not math.isclose(probability, threshold, abs_tol=1e-7):
        assert (shown[0] < shown[1]) == (probability < threshold)
        assert (shown[0] > shown[1]) == (probability > threshold)
