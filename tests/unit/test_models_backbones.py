"""Networks on a backbone: sizes, input scaling, heads, batch normalisation, precision and export."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from components.models.backbone import build_base
from components.models.heads import HEADS, build_head
from components.models.registry import all_models, get_model
from components.models.spec import BackboneSpec, InputShape, ModelSpec, Network
from components.settings import ModelSettings

SMALL = InputShape(32, 40, 3)
BACKBONES = ["vgg16", "resnet50", "densenet121", "densenet201", "mobilenet"]
LIGHT = ModelSettings(architecture="mobilenet", width_multiplier=0.25)


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(0, 255, (4, 32, 40, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _fresh_keras() -> Iterator[None]:
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)
    keras.backend.clear_session()


def backbone_of(name: str) -> BackboneSpec:
    backbone = get_model(name).backbone
    assert backbone is not None
    return backbone


def build(name: str, classes: int = 2, **settings: object) -> Network:
    return get_model(name).build(ModelSettings(**settings), SMALL, classes)


def base_of(network: Network) -> keras.Model:
    assert network.base is not None
    return network.base


def batch_normalisations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def normalise(base: keras.Model, raw: keras.Model, scaled: NDArray[np.float32]) -> None:
    """Gives both the same weights, with moving averages that suit the images.

    The features of a base as initialised are too small to compare.
    """
    for layer in batch_normalisations(raw):
        layer.momentum = 0.0
    raw(scaled, training=True)
    base.set_weights(raw.get_weights())


def test_these_are_the_backbones() -> None:
    assert {name for name, spec in all_models().items() if spec.backbone} == set(BACKBONES)
    assert all(spec.default_head in HEADS for spec in all_models().values() if spec.backbone)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vgg16", 14_714_688),
        ("resnet50", 23_587_712),
        ("densenet121", 7_037_504),
        pytest.param("densenet201", 18_321_984, marks=pytest.mark.slow),
        ("mobilenet", 1_832_976),
    ],
)
def test_a_base_has_the_parameters_of_the_original(name: str, parameters: int) -> None:
    backbone = backbone_of(name)

    base = build_base(backbone, ModelSettings(), get_model(name).input_shape(ModelSettings()))

    assert base.count_params() == backbone.parameters == parameters


@pytest.mark.parametrize(
    ("width", "parameters"), [(0.25, 218_544), (0.5, 829_536), (0.75, 1_832_976), (1.0, 3_228_864), (None, 1_832_976)]
)
def test_the_width_of_a_mobilenet_is_that_of_the_settings(width: float | None, parameters: int) -> None:
    base = build_base(backbone_of("mobilenet"), ModelSettings(width_multiplier=width), SMALL)

    assert base.count_params() == parameters


def test_densenet121_with_its_own_head_has_the_parameters_of_the_original() -> None:
    spec = get_model("densenet121")
    network = spec.build(ModelSettings(), spec.input_shape(ModelSettings()), 3)
    base_of(network).trainable = False

    trainable = sum(int(np.prod(variable.shape)) for variable in network.whole.trainable_variables)

    assert (network.whole.input_shape, base_of(network).output_shape) == ((None, 256, 256, 3), (None, 8, 8, 1024))
    assert trainable == network.head.count_params() == 68_750_339
    assert network.whole.count_params() - trainable == 7_037_504


@pytest.mark.parametrize("name", BACKBONES)
def test_a_base_is_the_preprocessing_of_keras_and_the_raw_network(name: str, images: NDArray[np.float32]) -> None:
    backbone = backbone_of(name)
    module = getattr(keras.applications, backbone.module)
    width = {"alpha": 0.75} if name == "mobilenet" else {}
    raw = getattr(module, backbone.function)(include_top=False, weights=None, input_shape=(32, 40, 3), **width)
    base = build_base(backbone, ModelSettings(), SMALL)
    scaled = module.preprocess_input(images.copy())
    normalise(base, raw, scaled)

    expected = np.asarray(raw(scaled))
    unscaled = np.asarray(raw(images))

    assert np.abs(expected).max() > 0.1
    assert np.abs(unscaled - expected).max() > 0.1  # the scaling matters
    np.testing.assert_allclose(np.asarray(base(images)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "first", "trained"),
    [
        ("vgg16", "block4_conv1", ("block4", "block5")),
        ("resnet50", "conv5_block1_1_conv", ("conv5_",)),
        ("densenet121", "conv5_block1_0_bn", ("conv5_", "bn")),
        ("mobilenet", "conv_dw_7", tuple(f"conv_{kind}_{block}" for kind in ("dw", "pw") for block in range(7, 14))),
    ],
)
def test_fine_tuning_takes_whole_blocks(name: str, first: str, trained: tuple[str, ...]) -> None:
    assert backbone_of(name).fine_tune_from == first
    layers = build_base(backbone_of(name), ModelSettings(), SMALL).layers
    start = [layer.name for layer in layers].index(first)

    assert all(layer.name.startswith(trained) for layer in layers[start:] if layer.weights)
    assert not any(layer.name.startswith(trained) for layer in layers[:start] if layer.weights)


@pytest.mark.slow
def test_fine_tuning_takes_all_of_densenet201() -> None:
    layers = build_base(backbone_of("densenet201"), ModelSettings(), SMALL).layers

    assert next(layer.name for layer in layers if layer.weights) == backbone_of("densenet201").fine_tune_from


EXPECTED_LAYERS = {
    "gap": ["GlobalAveragePooling2D", "BatchNormalization", "Dropout 0.5"],
    "gap_dropout_first": ["GlobalAveragePooling2D", "Dropout 0.5", "BatchNormalization"],
    "dense": ["Flatten", "Dense 512 relu", "BatchNormalization", "Dropout 0.5"],
    "mlp": [
        "Flatten",
        *("Dense 1024 relu", "Dropout 0.5"),
        *("Dense 1024 relu", "Dropout 0.3"),
        *("Dense 512 relu", "Dense 128 relu"),
    ],
}


def described(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.layers.Dense):
        return f"Dense {layer.units} {layer.activation.__name__}"
    if isinstance(layer, keras.layers.Dropout):
        return f"Dropout {layer.rate}"
    return type(layer).__name__


@pytest.mark.parametrize(("classes", "last"), [(2, "Dense 1 sigmoid"), (3, "Dense 3 softmax")])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_has_the_layers_of_its_definition(name: str, classes: int, last: str) -> None:
    head = build_head(name, keras.KerasTensor((None, 2, 3, 8)), None, classes)

    assert [described(layer) for layer in head.layers[1:]] == [*EXPECTED_LAYERS[name], last]


@pytest.mark.parametrize("name", HEADS)
def test_the_dropout_of_the_settings_goes_to_every_dropout_layer(name: str) -> None:
    head = build_head(name, keras.KerasTensor((None, 2, 3, 8)), 0.1, 2)

    assert {layer.rate for layer in head.layers if isinstance(layer, keras.layers.Dropout)} == {0.1}


@pytest.mark.parametrize(
    ("architecture", "head"),
    [
        ("vgg16", "dense"),
        ("resnet50", "gap"),
        ("densenet121", "mlp"),
        ("densenet201", "gap_dropout_first"),
        ("mobilenet", "gap"),
    ],
)
def test_each_backbone_has_a_head_of_its_own(architecture: str, head: str) -> None:
    assert get_model(architecture).default_head == head


def test_the_head_is_the_default_one_or_that_of_the_settings() -> None:
    flat, pooled = build("vgg16").head, build("vgg16", head="gap").head

    assert [described(layer) for layer in flat.layers[1:-1]] == EXPECTED_LAYERS["dense"]
    assert [described(layer) for layer in pooled.layers[1:-1]] == EXPECTED_LAYERS["gap"]


def step(network: Network, images: NDArray[np.float32], targets: list[int]) -> float:
    """The loss of one training step."""
    loss = "binary_crossentropy" if network.whole.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    # Eagerly, because tracing so many layers takes longer than running them once.
    network.whole.compile(keras.optimizers.Adam(1e-3), loss, run_eagerly=True)
    return float(network.whole.train_on_batch(images, np.array(targets)))


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("architecture", BACKBONES)
def test_any_backbone_takes_any_head_and_one_step(architecture: str, head: str, images: NDArray[np.float32]) -> None:
    network = build(architecture, head=head)
    base_of(network).trainable = False
    before = [variable.numpy().copy() for variable in network.head.trainable_variables]

    loss = step(network, images, [0, 1, 1, 1])

    assert np.isfinite(loss)
    assert network.whole.output_shape == (None, 1)
    after = network.head.trainable_variables
    assert any((old != new.numpy()).any() for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "mobilenet"])
def test_batch_normalisation_of_the_base_does_not_move_and_that_of_the_head_does(
    name: str, images: NDArray[np.float32]
) -> None:
    network = build(name, head="gap")
    statistics = [w for layer in batch_normalisations(base_of(network)) for w in layer.non_trainable_weights]
    before = [weight.numpy().copy() for weight in statistics]
    of_head = batch_normalisations(network.head)[0].moving_variance.numpy().copy()

    step(network, images, [0, 1, 1, 0])
    network.whole(images, training=True)

    assert len(statistics) > 20
    assert all((old == new.numpy()).all() for old, new in zip(before, statistics, strict=True))
    assert (of_head != batch_normalisations(network.head)[0].moving_variance.numpy()).any()


@pytest.mark.slow
def test_batch_normalisation_does_not_move_in_a_traced_step_inside_another_model(
    images: NDArray[np.float32],
) -> None:
    network = get_model("mobilenet").build(LIGHT, SMALL, 2)
    outer_inputs = keras.Input((32, 40, 3))
    outer = keras.Model(outer_inputs, network.whole(keras.layers.RandomFlip()(outer_inputs)))
    before = [w.numpy().copy() for w in base_of(network).non_trainable_variables]
    outer.compile("adam", "binary_crossentropy")

    outer.fit(images, np.array([0, 1, 1, 0]), epochs=2, verbose=0)

    assert before
    assert all(
        (old == new.numpy()).all() for old, new in zip(before, base_of(network).non_trainable_variables, strict=True)
    )


@pytest.mark.parametrize("name", ["vgg16", "densenet121"])
def test_the_weights_of_a_fine_tuned_base_do_move(name: str, images: NDArray[np.float32]) -> None:
    network = build(name, head="gap")
    base_of(network).trainable = True
    before = [weight.numpy().copy() for weight in base_of(network).trainable_variables]

    step(network, images, [0, 1, 1, 0])

    moved = [
        (old != new.numpy()).any() for old, new in zip(before, base_of(network).trainable_variables, strict=True)
    ]
    assert all(moved)


def test_the_weights_of_a_frozen_base_do_not_move(images: NDArray[np.float32]) -> None:
    network = build("vgg16")
    base_of(network).trainable = False
    before = base_of(network).get_weights()

    step(network, images, [0, 1, 1, 0])

    assert all((old == new).all() for old, new in zip(before, base_of(network).get_weights(), strict=True))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_whole_is_the_head_on_the_base(classes: int, images: NDArray[np.float32]) -> None:
    network = build("densenet121", classes, head="gap")
    step(network, images, [0, 1, 1, 0])  # so that nothing is as initialised

    whole = np.asarray(network.whole(images))

    np.testing.assert_allclose(whole, np.asarray(network.head(base_of(network)(images))), atol=1e-6)
    assert network.whole.name == "densenet121"
    assert network.whole.count_params() == network.head.count_params() + base_of(network).count_params()
    if classes == 3:
        np.testing.assert_allclose(whole.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", ["vgg16", "mobilenet"])
def test_mixed_precision_computes_in_16_bits_and_answers_in_32(name: str, images: NDArray[np.float32]) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")

    network = build(name, 3, head="gap")
    answer = network.whole(images)
    step(network, images, [0, 1, 2, 0])

    assert base_of(network).outputs[0].dtype == "bfloat16"
    assert all(weight.dtype == "float32" for weight in network.whole.weights)
    assert answer.dtype == tf.float32
    np.testing.assert_allclose(np.asarray(answer).sum(axis=1), 1.0, atol=1e-5)


def test_images_are_scaled_in_32_bits_under_mixed_precision(images: NDArray[np.float32]) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    base = build_base(backbone_of("vgg16"), ModelSettings(), SMALL)
    scaled = keras.Model(base.inputs, base.get_layer("block1_conv1").input)

    expected = keras.applications.vgg16.preprocess_input(images.copy())

    np.testing.assert_array_equal(np.asarray(scaled(images)), expected)


def exported(model: keras.Model, directory: Path) -> Any:
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec([None, 32, 40, 3], tf.float32)]
    archive.add_endpoint("serve", tf.function(lambda x: model(x, training=False), input_signature=signature))
    archive.write_out(str(directory), verbose=False)
    return tf.saved_model.load(str(directory))


def test_a_saved_model_answers_as_the_network_does(tmp_path: Path, images: NDArray[np.float32]) -> None:
    network = get_model("mobilenet").build(LIGHT, SMALL, 3)

    loaded = exported(network.whole, tmp_path / "saved")

    np.testing.assert_allclose(loaded.serve(images).numpy(), np.asarray(network.whole(images)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "last"), [("vgg16", "block1_conv1"), ("densenet121", "conv1_conv"), ("mobilenet", "conv1")]
)
def test_a_saved_model_holds_the_input_scaling(
    name: str, last: str, tmp_path: Path, images: NDArray[np.float32]
) -> None:
    base = build_base(backbone_of(name), ModelSettings(), SMALL)
    start = keras.Model(base.inputs, base.get_layer(last).output)

    loaded = exported(start, tmp_path / "saved")

    np.testing.assert_allclose(loaded.serve(images).numpy(), np.asarray(start(images)), atol=1e-5, rtol=1e-5)


def test_weights_trained_in_16_bits_and_partly_frozen_fit_the_same_network_in_32(images: NDArray[np.float32]) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    trained = get_model("mobilenet").build(LIGHT, SMALL, 2)
    for layer in base_of(trained).layers[:40]:
        layer.trainable = False
    step(trained, images, [0, 1, 1, 1])
    keras.config.set_dtype_policy("float32")
    network = get_model("mobilenet").build(LIGHT, SMALL, 2)

    network.whole.set_weights(trained.whole.get_weights())

    names = [
        (mine.path, theirs.path) for mine, theirs in zip(network.whole.weights, trained.whole.weights, strict=True)
    ]
    assert all(mine.split("/")[-1] == theirs.split("/")[-1] for mine, theirs in names)
    np.testing.assert_allclose(np.asarray(network.whole(images)), np.asarray(trained.whole(images)), atol=0.02)


def test_a_network_survives_keras_saving(tmp_path: Path, images: NDArray[np.float32]) -> None:
    network = get_model("mobilenet").build(LIGHT, SMALL, 2)
    network.whole.save(tmp_path / "network.keras")

    again = keras.models.load_model(tmp_path / "network.keras")
    statistics = [w.numpy().copy() for w in again.layers[1].non_trainable_variables]
    again(images, training=True)

    np.testing.assert_allclose(np.asarray(again(images)), np.asarray(network.whole(images)), atol=1e-6)
    assert all(
        (a == b.numpy()).all() for a, b in zip(statistics, again.layers[1].non_trainable_variables, strict=True)
    )


@pytest.mark.parametrize("name", ["mobilenet", "vgg16"])
def test_a_side_of_32_pixels_is_enough_for_a_backbone(name: str) -> None:
    spec: ModelSpec = get_model(name)

    assert spec.minimum_side == 32
    assert spec.build(ModelSettings(), InputShape(32, 32, 3), 2).whole.output_shape == (None, 1)
    with pytest.raises(ValueError, match="at least 32x32"):
        spec.build(ModelSettings(), InputShape(32, 31, 3), 2)


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "densenet121", "mobilenet"])
def test_block_statistics_are_mean_and_deviation_of_every_channel_of_every_block(
    name: str, images: NDArray[np.float32]
) -> None:
    base = build_base(backbone_of(name), ModelSettings(features="block_statistics"), SMALL)
    blocks = [
        np.asarray(keras.Model(base.inputs, base.get_layer(block).output)(images)).reshape(4, -1, channels)
        for block in backbone_of(name).blocks
        for channels in [base.get_layer(block).output.shape[-1]]
    ]

    features = np.asarray(base(images))

    expected = np.concatenate([of(block, axis=1) for block in blocks for of in (np.mean, np.std)], axis=1)
    assert features.shape == (4, 1, 1, expected.shape[1])
    np.testing.assert_allclose(features[:, 0, 0], expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_last_block_is_what_a_backbone_gives_otherwise(name: str) -> None:
    base = build_base(backbone_of(name), ModelSettings(), SMALL)
    last = base.get_layer(backbone_of(name).blocks[-1])

    # VGG16 shrinks the output of its last block once more.
    assert base.layers[-1] is last or [layer.name for layer in base.layers[-1:]] == ["block5_pool"]


def test_block_statistics_change_neither_the_parameters_nor_where_fine_tuning_starts() -> None:
    plain, statistics = (
        build_base(backbone_of("mobilenet"), ModelSettings(features=features), SMALL)
        for features in ("last_map", "block_statistics")
    )

    trained = [[weight.path for layer in base.layers for weight in layer.weights] for base in (plain, statistics)]

    assert statistics.count_params() == plain.count_params() == 829_536 + 1_003_440
    assert trained[0] == trained[1]


def test_a_channel_that_answers_nowhere_does_not_break_fine_tuning() -> None:
    network = build("mobilenet", features="block_statistics", width_multiplier=0.25)
    black = np.zeros((2, 32, 40, 3), np.float32)

    step(network, black, [0, 1])

    assert all(np.isfinite(weight).all() for weight in network.whole.get_weights())
