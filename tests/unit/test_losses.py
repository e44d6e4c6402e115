"""Losses: their values by hand, their agreement with Keras's own, and gradients at the extremes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.trainer.data import LabelCoding
from components.trainer.losses import make_loss

BINARY = LabelCoding(2, positive=1)
THREE = LabelCoding(3, positive=2)
GAMMAS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0])
SEEDS = st.integers(0, 2**16)


def _images(coding: LabelCoding, seed: int) -> tuple[tf.Tensor, NDArray[np.float32], NDArray[np.float32]]:
    """Targets and outputs of 12 images, none of them extreme, and the probability of each one's true class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, coding.classes, 12)
    probabilities = generator.dirichlet(np.full(coding.classes, 3.0), 12).clip(1e-3).astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    outputs = probabilities[:, [coding.positive]] if coding.binary else probabilities
    return coding.target(tf.constant(labels)), outputs, probabilities[np.arange(12), labels]


@pytest.mark.parametrize(("gamma", "factors"), [(0.0, (1, 1, 1)), (1.0, (0.1, 0.3, 0.5)), (2.0, (0.01, 0.09, 0.25))])
@pytest.mark.parametrize(
    ("coding", "targets", "outputs"),
    [
        (BINARY, [1.0, 0.0, 1.0], [[0.9], [0.3], [0.5]]),
        (THREE, [2, 0, 1], [[0.05, 0.05, 0.9], [0.7, 0.2, 0.1], [0.25, 0.5, 0.25]]),
    ],
)
def test_by_example(
    gamma: float, factors: tuple[float, ...], coding: LabelCoding, targets: list[float], outputs: list[list[float]]
) -> None:
    entropies = -np.log([0.9, 0.7, 0.5])

    loss = make_loss("focal", gamma, coding)(tf.constant(targets), tf.constant(outputs))

    assert float(loss) == pytest.approx(np.mean(np.array(factors) * entropies), rel=1e-5)


@pytest.mark.parametrize("coding", [BINARY, LabelCoding(2, positive=0), THREE])
@settings(max_examples=25)
@given(gamma=GAMMAS, seed=SEEDS)
def test_cross_entropy_is_the_mean_of_minus_log_p_whatever_gamma(
    coding: LabelCoding, gamma: float, seed: int
) -> None:
    targets, outputs, true = _images(coding, seed)

    loss = float(make_loss("cross_entropy", gamma, coding)(targets, outputs))

    assert loss == pytest.approx(-np.log(true).mean(), rel=1e-5)
    assert float(make_loss("focal", 0.0, coding)(targets, outputs)) == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("coding", [BINARY, LabelCoding(2, positive=0), THREE])
@settings(max_examples=25)
@given(gamma=GAMMAS, seed=SEEDS)
def test_where_no_probability_is_extreme_it_is_the_focal_loss_of_keras(
    coding: LabelCoding, gamma: float, seed: int
) -> None:
    targets, outputs, true = _images(coding, seed)
    if coding.binary:
        expected = keras.losses.BinaryFocalCrossentropy(gamma=gamma)(targets, outputs)
    else:
        one_hot = tf.one_hot(targets, coding.classes)
        expected = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma)(one_hot, outputs)

    loss = float(make_loss("focal", gamma, coding)(targets, outputs))

    assert loss == pytest.approx(float(expected), rel=1e-4)
    assert loss == pytest.approx(np.mean(-((1 - true) ** gamma) * np.log(true)), rel=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("coding", [BINARY, THREE])
def test_sure_and_right_pulls_no_more_and_sure_and_wrong_pulls_in_full(
    coding: LabelCoding, gamma: float, compiled: bool
) -> None:
    loss = make_loss("focal", gamma, coding)
    activation = keras.activations.sigmoid if coding.binary else keras.activations.softmax
    true = 0 if coding.binary else 2

    @tf.function(jit_compile=compiled)
    def slope(logits: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(coding.target(tf.constant([coding.positive])), activation(logits))
        return tape.gradient(value, logits)[0, true]

    for logit, expected in ((150.0, 0.0), (20.0, 0.0), (-20.0, -1.0), (-150.0, -1.0)):
        logits = np.zeros((1, 1 if coding.binary else 3), np.float32)
        logits[0, true] = logit
        assert float(slope(tf.constant(logits))) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("coding", [BINARY, THREE])
def test_class_weights_count_in_a_compiled_training_step(coding: LabelCoding) -> None:
    targets, outputs, true = _images(coding, seed=1)
    logits = np.log(outputs / (1 - outputs)) if coding.binary else np.log(outputs)
    inputs = keras.Input(logits.shape[1:])
    model = keras.Model(inputs, keras.layers.Activation("sigmoid" if coding.binary else "softmax")(inputs))
    model.compile(optimizer="sgd", loss=make_loss("focal", 2.0, coding), jit_compile=True)
    weights = {target: 1.0 + target for target in range(coding.classes)}

    loss = model.train_on_batch(logits, targets.numpy(), class_weight=weights)

    expected = (1.0 + targets.numpy()) * -((1 - true) ** 2) * np.log(true)
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-4)
