"""Temperature scaling: it finds the true temperature, never harms the likelihood, and keeps the ranking."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import special
from sklearn.metrics import roc_auc_score

from components.trainer.calibration import (
    HIGHEST,
    LOWEST,
    apply_temperature,
    apply_temperature_in_graph,
    fit_temperature,
)

TEMPERATURES = st.floats(LOWEST, HIGHEST)
POSITIVE_PROBABILITIES = hnp.arrays(
    np.float32, st.integers(2, 20), elements=st.floats(0.0, 1.0, width=32, allow_subnormal=False)
)


def _binary(positive: NDArray[np.floating]) -> NDArray[np.float32]:
    positive = positive.astype(np.float32)
    return np.stack([1 - positive, positive], axis=1)


@st.composite
def _labelled(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Probabilities of 1 to 20 images and 2 to 4 classes, zeros and ones among them, and labels."""
    images, classes = draw(st.integers(1, 20)), draw(st.integers(2, 4))
    logits = draw(hnp.arrays(np.float32, (images, classes), elements=st.floats(-120, 120, width=32)))
    labels = draw(hnp.arrays(np.int64, images, elements=st.integers(0, classes - 1)))
    return special.softmax(logits, axis=1), labels


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_it_finds_how_overconfident_a_model_is(classes: int, temperature: float) -> None:
    generator = np.random.default_rng(classes)
    true = special.softmax(generator.normal(0, 1.5, (20_000, classes)), axis=1)
    labels = (generator.uniform(size=(20_000, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    claimed = special.softmax(np.log(true) * temperature, axis=1).astype(np.float32)

    fitted = fit_temperature(claimed, labels)

    assert fitted == pytest.approx(temperature, rel=0.05)
    np.testing.assert_allclose(apply_temperature(claimed, fitted), true, atol=0.02)


def test_by_example() -> None:
    # Sure to 90 %, right three times in four: odds of 9 become odds of 3.
    probabilities = _binary(np.full(4, 0.9))

    temperature = fit_temperature(probabilities, np.array([1, 1, 1, 0]))

    assert temperature == pytest.approx(2.0, rel=1e-4)
    np.testing.assert_allclose(apply_temperature(probabilities, temperature), [[0.25, 0.75]] * 4, atol=1e-5)


@pytest.mark.parametrize("positive", [0.0, 1.0])
def test_either_class_is_called_certain_to_the_same_degree(positive: float) -> None:
    labels = np.array([1, 1, 1, 0]) if positive else np.array([0, 0, 0, 1])

    temperature = fit_temperature(_binary(np.full(4, positive)), labels)

    assert temperature == pytest.approx(24 * math.log(2) / math.log(3), rel=1e-4)


def test_a_model_that_is_never_wrong_stays_as_it_is() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0], [0.4, 0.2, 0.4]], np.float32)

    assert fit_temperature(probabilities, np.array([0, 1, 2, 0])) == 1.0
    assert LOWEST < fit_temperature(probabilities, np.array([0, 1, 2, 1])) < 1.0


def test_images_of_one_class_tell_no_temperature() -> None:
    assert fit_temperature(_binary(np.array([0.9, 0.8, 0.3])), np.array([1, 1, 1])) == 1.0


def test_probabilities_that_say_the_contrary_are_levelled() -> None:
    temperature = fit_temperature(_binary(np.full(4, 0.9)), np.array([1, 0, 0, 0]))

    assert temperature == pytest.approx(HIGHEST, rel=1e-4)


@given(_labelled())
def test_the_labels_become_no_less_likely(labelled: tuple[NDArray[np.float32], NDArray[np.int64]]) -> None:
    probabilities, labels = labelled

    def loss(temperature: float) -> float:
        calibrated = apply_temperature(probabilities.astype(np.float64), temperature)
        return float(-np.log(calibrated[np.arange(labels.size), labels].clip(1e-300)).mean())

    temperature = fit_temperature(probabilities, labels)

    assert LOWEST <= temperature <= HIGHEST
    assert loss(temperature) <= loss(1.0) + 1e-9
    if temperature != 1.0:  # the search comes near to a limit, and does not touch it
        assert loss(temperature) <= min(loss(other) for other in np.geomspace(LOWEST, HIGHEST, 25)) + 1e-4


@given(_labelled(), TEMPERATURES)
def test_probabilities_stay_probabilities_and_the_graph_computes_the_same(
    labelled: tuple[NDArray[np.float32], NDArray[np.int64]], temperature: float
) -> None:
    probabilities, _ = labelled

    calibrated = apply_temperature(probabilities, temperature)
    in_graph = tf.function(apply_temperature_in_graph)(tf.constant(probabilities), temperature)

    assert calibrated.dtype == np.float32
    assert in_graph.dtype == tf.float32
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(in_graph.numpy(), calibrated, rtol=0, atol=1e-7)


@given(_labelled())
def test_a_temperature_of_one_changes_no_bit(labelled: tuple[NDArray[np.float32], NDArray[np.int64]]) -> None:
    probabilities, _ = labelled

    np.testing.assert_array_equal(apply_temperature(probabilities, 1.0), probabilities)
    np.testing.assert_array_equal(apply_temperature_in_graph(tf.constant(probabilities), 1.0), probabilities)
    nearly_one = np.nextafter(1.0, 2.0)
    np.testing.assert_allclose(apply_temperature(probabilities, nearly_one), probabilities, rtol=0, atol=2.5e-7)


@given(POSITIVE_PROBABILITIES, TEMPERATURES)
def test_with_two_classes_no_image_overtakes_another(positive: NDArray[np.float32], temperature: float) -> None:
    calibrated = apply_temperature(_binary(np.sort(positive)), temperature)

    assert (np.diff(calibrated[:, 1]) >= 0).all()
    assert (np.diff(calibrated[:, 0]) <= 0).all()


@given(
    percent=hnp.arrays(np.int64, st.integers(2, 20), elements=st.integers(1, 99)),
    temperature=st.floats(0.5, HIGHEST),
    seed=st.integers(0, 2**16),
)
def test_with_two_classes_the_auc_stays(percent: NDArray[np.int64], temperature: float, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.arange(percent.size) % 2)
    probabilities = _binary(percent / 100)
    expected = roc_auc_score(labels, probabilities[:, 1])

    in_graph = apply_temperature_in_graph(tf.constant(probabilities), temperature).numpy()

    assert roc_auc_score(labels, apply_temperature(probabilities, temperature)[:, 1]) == expected
    assert roc_auc_score(labels, in_graph[:, 1]) == expected


@pytest.mark.parametrize("images", range(1, 20))
def test_one_probability_stays_one_wherever_in_the_batch_it_is(images: int) -> None:
    for positive in (0.1, 0.6, 0.87):
        probabilities = tf.constant(_binary(np.full(images, positive)))

        for temperature in (0.5, 1.7, 3.0):
            assert np.unique(apply_temperature_in_graph(probabilities, temperature)[:, 1]).size == 1
