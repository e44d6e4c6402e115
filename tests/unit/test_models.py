"""Architectures trained from scratch: what they are made of, and their outputs."""

import keras
import numpy as np
import pytest

from components.models.registry import get_model
from components.models.spec import InputShape, ModelSpec
from components.models.statistics import LEAST_VARIANCE
from components.settings import ModelSettings

CNN, CNN_MIAS, TEXTURE_CNN = get_model("cnn"), get_model("cnn_mias"), get_model("texture_cnn")
SMALL = InputShape(32, 40, 1)


def built(spec: ModelSpec, shape: InputShape, classes: int, **settings: object) -> keras.Model:
    return spec.build(ModelSettings(**settings), shape, classes).whole


@pytest.mark.parametrize(
    ("classes", "parameters"),
    [
        (2, 2_797_665),
        (3, 2_797_665 - 65 + 3 * 65),  # 65: a unit's weights and bias
        (8, 2_797_665 - 65 + 8 * 65),
    ],
)
def test_cnn_has_the_parameters_of_the_original(classes: int, parameters: int) -> None:
    model = built(CNN, CNN.input_shape(ModelSettings()), classes)

    assert model.count_params() == parameters
    assert model.input_shape == (None, 224, 224, 3)


@pytest.mark.parametrize(("classes", "parameters"), [(2, 117_505), (3, 117_505 + 2 * 57_601)])
def test_cnn_mias_has_the_parameters_of_the_original(classes: int, parameters: int) -> None:
    model = built(CNN_MIAS, CNN_MIAS.input_shape(ModelSettings()), classes)

    assert model.count_params() == parameters
    assert model.input_shape == (None, 128, 128, 1)


def test_cnn_mias_has_the_layers_of_the_original_in_its_order() -> None:
    layers = built(CNN_MIAS, SMALL, 2).layers[2:]

    assert [type(layer).__name__ for layer in layers] == [
        *("Conv2D", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D"),
        *("Dropout", "Dense", "Dropout", "Flatten", "Dense"),
    ]
    assert layers[6].output.shape[1:3] == layers[4].output.shape[1:3]  # Dense 64 on every pixel


def test_cnn_mias_starts_from_small_normal_kernels_that_differ() -> None:
    model = built(CNN_MIAS, InputShape(128, 128, 1), 2)

    kernels = [np.ravel(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]

    assert len(kernels) == 5
    for kernel in kernels[1:]:  # the first has too few values to measure
        assert float(np.std(kernel)) == pytest.approx(0.02, rel=0.05)
        assert abs(float(np.mean(kernel))) < 0.001
    assert not np.array_equal(kernels[1][:100], kernels[2][:100])


@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_a_network_trained_from_scratch_is_all_head(spec: ModelSpec) -> None:
    network = spec.build(ModelSettings(), SMALL, 2)

    assert network.base is None
    assert network.head is network.whole
    assert spec.backbone is None
    assert spec.starting_weights(ModelSettings()) == "none"


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_a_step_trains_every_layer(spec: ModelSpec, classes: int) -> None:
    keras.utils.set_random_seed(0)
    model = built(spec, SMALL, classes)
    before = [variable.numpy().copy() for variable in model.trainable_variables]
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 40, 1)).astype(np.float32)
    model.compile("adam", "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy")

    loss = float(model.train_on_batch(images, np.array([0, 1, classes - 1, 0])))

    assert np.isfinite(loss)
    assert all((a != b.numpy()).any() for a, b in zip(before, model.trainable_variables, strict=True))


@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_the_smallest_input_is_the_smallest_that_can_be_built(spec: ModelSpec) -> None:
    side = spec.minimum_side

    assert built(spec, InputShape(side, side, 1), 2).output_shape == (None, 1)
    with pytest.raises(ValueError, match=r"[Nn]egative|zero|smaller"):
        built(spec, InputShape(side, side - 1, 1), 2)


@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_two_classes_end_in_one_sigmoid_unit(spec: ModelSpec) -> None:
    model = built(spec, SMALL, 2)

    assert model.output_shape == (None, 1)
    assert model.layers[-1].activation is keras.activations.sigmoid


@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_three_classes_end_in_a_softmax_of_three(spec: ModelSpec) -> None:
    model = built(spec, SMALL, 3)
    images = np.random.default_rng(0).uniform(0, 255, (5, 32, 40, 1)).astype(np.float32)

    outputs = np.asarray(model(images))

    assert outputs.shape == (5, 3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, atol=1e-6)
    assert model.layers[-1].activation is keras.activations.softmax


@pytest.mark.parametrize("spec", [CNN, CNN_MIAS], ids=lambda spec: spec.name)
def test_the_network_scales_its_input_itself(spec: ModelSpec) -> None:
    rescaling = built(spec, SMALL, 2).layers[1]

    np.testing.assert_allclose(np.asarray(rescaling(np.full((1, 32, 40, 1), 255.0, np.float32))), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "chosen", "rates"),
    [
        (CNN, None, [0.5]),
        (CNN, 0.0, [0.0]),
        (CNN, 0.25, [0.25]),
        (CNN_MIAS, None, [0.25, 0.25]),
        (CNN_MIAS, 0.4, [0.4, 0.4]),
    ],
)
def test_dropout_is_the_definitions_or_that_of_the_settings(
    spec: ModelSpec, chosen: float | None, rates: list[float]
) -> None:
    model = built(spec, SMALL, 2, dropout=chosen)

    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == rates


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_probabilities_are_float32_under_any_precision(policy: str, classes: int) -> None:
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        model = built(CNN, SMALL, classes)
    finally:
        keras.config.set_dtype_policy(before)

    assert model.output.dtype == "float32"
    assert model.layers[-2].compute_dtype == policy.removeprefix("mixed_")


def test_the_input_is_the_original_one_or_that_of_the_settings() -> None:
    assert CNN.input_shape(ModelSettings()) == InputShape(224, 224, 3)
    assert CNN.input_shape(ModelSettings(image_size=(96, 128))) == InputShape(96, 128, 3)
    assert CNN_MIAS.input_shape(ModelSettings(image_size=(96, 128))) == InputShape(96, 128, 1)


@pytest.mark.parametrize(("classes", "parameters"), [(2, 94_177), (3, 94_177 + 2 * 257)])
def test_texture_cnn_has_the_parameters_that_it_names(classes: int, parameters: int) -> None:
    model = built(TEXTURE_CNN, TEXTURE_CNN.input_shape(ModelSettings()), classes)

    assert model.count_params() == parameters
    assert model.input_shape == (None, 48, 48, 3)


def test_texture_cnn_judges_by_mean_and_deviation_of_its_last_maps() -> None:
    keras.utils.set_random_seed(0)
    model = built(TEXTURE_CNN, InputShape(32, 40, 1), 2)
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 40, 1)).astype(np.float32)
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.ReLU)][-1]
    maps = np.asarray(keras.Model(model.inputs, last.output)(images))

    deviations = np.sqrt(maps.var(axis=(1, 2)) + LEAST_VARIANCE)
    statistics = np.concatenate([maps.mean(axis=(1, 2)), deviations], axis=1)

    kernel, bias = model.layers[-1].get_weights()
    expected = 1.0 / (1.0 + np.exp(-(statistics @ kernel + bias)))
    assert maps.shape[1:] == (8, 10, 128)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(np.asarray(model(images)), expected, atol=1e-5)
