"""Architectures: what `cnn` is made of, and its outputs."""

import keras
import numpy as np
import pytest

from components.models.registry import get_model
from components.models.spec import InputShape
from components.settings import ModelSettings

CNN = get_model("cnn")
SMALL = InputShape(32, 40, 1)


@pytest.mark.parametrize(
    ("classes", "parameters"),
    [
        (2, 2_797_665),
        (3, 2_797_665 - 65 + 3 * 65),  # 65: a unit's weights and bias
        (8, 2_797_665 - 65 + 8 * 65),
    ],
)
def test_cnn_has_the_parameters_of_the_original(classes: int, parameters: int) -> None:
    model = CNN.build(ModelSettings(), CNN.input_shape(ModelSettings()), classes)

    assert model.count_params() == parameters
    assert model.input_shape == (None, 224, 224, 3)


def test_cnn_for_two_classes_ends_in_one_sigmoid_unit() -> None:
    model = CNN.build(ModelSettings(), SMALL, 2)

    assert model.output_shape == (None, 1)
    assert model.layers[-1].activation is keras.activations.sigmoid


def test_cnn_for_three_classes_ends_in_a_softmax_of_three() -> None:
    model = CNN.build(ModelSettings(), SMALL, 3)
    images = np.random.default_rng(0).uniform(0, 255, (5, 32, 40, 1)).astype(np.float32)

    outputs = np.asarray(model(images))

    assert outputs.shape == (5, 3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-6)
    assert model.layers[-1].activation is keras.activations.softmax


def test_cnn_scales_its_input_itself() -> None:
    rescaling = CNN.build(ModelSettings(), SMALL, 2).layers[1]

    np.testing.assert_allclose(np.asarray(rescaling(np.full((1, 32, 40, 1), 255.0, np.float32))), 1.0, atol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_cnn_takes_its_dropout_from_the_settings(rate: float) -> None:
    model = CNN.build(ModelSettings(dropout=rate), SMALL, 2)

    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [rate]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_probabilities_are_float32_under_any_precision(policy: str, classes: int) -> None:
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        model = CNN.build(ModelSettings(), SMALL, classes)
    finally:
        keras.config.set_dtype_policy(before)

    assert model.output.dtype == "float32"
    assert model.layers[-2].compute_dtype == policy.removeprefix("mixed_")


def test_the_input_is_the_original_one_or_that_of_the_settings() -> None:
    assert CNN.input_shape(ModelSettings()) == InputShape(224, 224, 3)
    assert CNN.input_shape(ModelSettings(image_size=(96, 128))) == InputShape(96, 128, 3)
