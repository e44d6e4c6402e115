"""Heat maps: by hand where a network is simple, and for every architecture what its maps add to the score."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import logsumexp

from components.models.explained import explained_by_last_map
from components.models.heads import HEADS, output_layer
from components.models.registry import all_models, get_model
from components.models.spec import UNTRAINED, Network
from components.settings import ModelSettings
from components.trainer.data import LabelCoding
from components.trainer.explanation import contributions, heat_maps
from components.trainer.predictor import Predictor, build_predictor
from schema import contract
from tests.training import heat_maps_of, maps_of, pictures, pretrained, task_of

Numbers = NDArray[np.float32]

HEAVY = {"densenet121", "densenet201", "resnet50"}
ARCHITECTURES = [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in all_models()]
BACKBONES = [name for name, spec in all_models().items() if spec.backbone is not None]
BINARY = LabelCoding(classes=2, positive=1)
MAP_SIDE = contract.HEAT_MAP_SIDE


def interpolation(size: int) -> NDArray[np.float64]:
    """What each place of a heat map takes from a line of fewer places: linear between centres, constant outside."""
    places = (np.arange(MAP_SIDE) + 0.5) * size / MAP_SIDE - 0.5
    return np.stack([np.interp(places, np.arange(size), line) for line in np.eye(size)], axis=1)


def stretched(maps: NDArray[Any]) -> NDArray[np.float64]:
    """(images, rows, columns) to (images, HEAT_MAP_SIDE, HEAT_MAP_SIDE), bilinear."""
    return interpolation(maps.shape[1]) @ maps.astype(np.float64) @ interpolation(maps.shape[2]).T


def relative_to_peak(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    speaking_for = np.maximum(evidence, 0.0)
    peaks = speaking_for.max(axis=(1, 2), keepdims=True)
    return np.divide(speaking_for, peaks, out=np.zeros_like(speaking_for), where=peaks > 0.0)


def from_scratch(images: keras.KerasTensor, outputs: keras.KerasTensor) -> Network:
    whole = keras.Model(images, outputs)
    return Network(base=None, head=whole, whole=whole, explained=explained_by_last_map(whole))


def pooled_network(kernel: NDArray[Any], bias: NDArray[Any]) -> Network:
    """Convolution, global average pooling, and an output layer of these weights."""
    keras.utils.set_random_seed(3)
    images = keras.Input((12, 10, 3))
    x = keras.layers.Conv2D(len(kernel), 3, strides=2, activation="relu")(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    output = output_layer(max(2, kernel.shape[1]))
    network = from_scratch(images, output(x))
    output.set_weights([kernel, bias])
    return network


@pytest.fixture
def images() -> Numbers:
    return np.random.default_rng(0).uniform(0, 1, (4, 12, 10, 3)).astype(np.float32)


def test_under_pooling_and_a_sigmoid_it_is_the_class_activation_map(images: Numbers) -> None:
    kernel = np.array([[1.0], [-2.0], [0.5], [3.0]])
    network = pooled_network(kernel, np.array([0.3]))
    (maps,) = maps_of(network, images)
    assert maps.shape == (4, 5, 4, 4)

    found = heat_maps_of(network, images, BINARY)

    expected = relative_to_peak(stretched(maps.numpy() @ kernel[:, 0]))
    assert (found.shape, found.dtype) == ((4, MAP_SIDE, MAP_SIDE), np.float32)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("positive", [0, 1, 2])
def test_under_pooling_and_a_softmax_the_other_classes_count_by_their_probabilities(
    images: Numbers, positive: int
) -> None:
    kernel = np.random.default_rng(1).normal(0, 3, (4, 3))
    network = pooled_network(kernel, np.array([0.0, 0.5, -0.5]))
    (maps,) = maps_of(network, images)
    probabilities = network.whole(images).numpy().astype(np.float64)

    found = heat_maps_of(network, images, LabelCoding(3, positive))

    others = probabilities.copy()
    others[:, positive] = 0.0
    others /= others.sum(axis=1, keepdims=True)
    weights = kernel[:, positive] - others @ kernel.T  # (images, channels): the slope of the log-odds
    expected = relative_to_peak(stretched(np.einsum("brck,bk->brc", maps.numpy(), weights)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_map_is_weighed_at_each_place_on_its_own_and_not_by_its_mean_weight(images: Numbers) -> None:
    """As HiResCAM does; Grad-CAM takes the mean of the slopes."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input((12, 10, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(16, activation="relu")(x)
    network = from_scratch(inputs, output_layer(2)(x))
    (maps,) = (each.numpy().astype(np.float64) for each in maps_of(network, images))

    found = heat_maps_of(network, images, BINARY)

    hidden, bias, last, _ = (weight.astype(np.float64) for weight in network.whole.get_weights()[2:])
    open_units = maps.reshape(4, -1) @ hidden + bias > 0.0
    slopes = ((open_units * last[:, 0]) @ hidden.T).reshape(maps.shape)
    np.testing.assert_allclose(found, relative_to_peak(stretched((slopes * maps).sum(axis=-1))), atol=1e-4)
    grad_cam = relative_to_peak(stretched((slopes.mean(axis=(1, 2), keepdims=True) * maps).sum(axis=-1)))
    assert np.abs(found - grad_cam).max() > 0.1


@pytest.fixture
def brightness() -> Callable[[float, float], Network]:
    """A network that looks at nothing but the brightness, with this weight and bias."""

    def build(weight: float, bias: float) -> Network:
        images = keras.Input((16, 16, 3))
        x = keras.layers.AveragePooling2D(2)(images)
        output = output_layer(2)
        network = from_scratch(images, output(keras.layers.GlobalAveragePooling2D()(x)))
        output.set_weights([np.full((3, 1), weight), np.array([bias])])
        return network

    return build


def bright_corner() -> Numbers:
    """One image of which the lower left corner is bright, and its mirror image."""
    image = np.zeros((16, 16, 3), np.float32)
    image[12:, :4] = 1.0
    return np.stack([image, image[:, ::-1]])


def test_it_points_to_where_the_evidence_is(brightness: Callable[[float, float], Network]) -> None:
    left, right = heat_maps_of(brightness(5.0, 0.0), bright_corner(), BINARY)

    assert left[MAP_SIDE - 8 :, :8].min() > 0.999
    assert left[: MAP_SIDE // 2].max() == 0.0
    assert left[:, MAP_SIDE // 2 :].max() == 0.0
    np.testing.assert_allclose(right, left[:, ::-1], atol=1e-6)


def test_it_is_zero_where_nothing_speaks_for_the_class(brightness: Callable[[float, float], Network]) -> None:
    for_corner = heat_maps_of(brightness(-5.0, 2.0), bright_corner(), BINARY)
    for_nothing = heat_maps_of(brightness(5.0, 2.0), np.zeros((2, 16, 16, 3), np.float32), BINARY)

    assert np.unique(for_corner).tolist() == [0.0]
    assert np.unique(for_nothing).tolist() == [0.0]


@pytest.mark.parametrize("bias", [-1e4, -200.0, 200.0, 1e4])
def test_a_certain_answer_of_one_unit_is_explained_like_another(
    brightness: Callable[[float, float], Network], bias: float
) -> None:
    certain, uncertain = brightness(5.0, bias), brightness(5.0, 0.0)
    assert certain.whole(bright_corner()).numpy().tolist() == [[float(bias > 0)]] * 2

    found = heat_maps_of(certain, bright_corner(), BINARY)

    np.testing.assert_array_equal(found, heat_maps_of(uncertain, bright_corner(), BINARY))


@pytest.mark.parametrize(("positive", "certain"), [(0, 0), (0, 1), (2, 2), (2, 1)])
def test_a_certain_answer_of_three_units_is_explained(images: Numbers, positive: int, certain: int) -> None:
    kernel = np.array([[1.0, 0.5, -1.0], [-2.0, 1.0, 0.0], [0.5, -1.0, 2.0], [3.0, 0.0, 1.0]])
    network = pooled_network(kernel, 1e4 * np.eye(3)[certain])
    assert network.whole(images).numpy().tolist() == [np.eye(3)[certain].tolist()] * 4
    (maps,) = maps_of(network, images)

    found = heat_maps_of(network, images, LabelCoding(3, positive))

    if certain == positive:  # then the slope is over the others as they stand among themselves
        assert_sound(found)
        assert found.max() == 1.0
    else:
        weights = kernel[:, positive] - kernel[:, certain]
        np.testing.assert_allclose(found, relative_to_peak(stretched(maps.numpy() @ weights)), atol=1e-5)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_size_of_the_evidence_does_not_matter(brightness: Callable[[float, float], Network], size: float) -> None:
    found = heat_maps_of(brightness(size, 0.0), bright_corner(), BINARY)

    np.testing.assert_allclose(found, heat_maps_of(brightness(1.0, 0.0), bright_corner(), BINARY), atol=1e-6)


def test_evidence_below_what_can_be_divided_by_is_none(brightness: Callable[[float, float], Network]) -> None:
    found = heat_maps_of(brightness(1e-37, 0.0), bright_corner(), BINARY)

    assert np.unique(found).tolist() == [0.0]


def test_a_map_larger_than_the_heat_map_loses_no_place() -> None:
    """Of 256 columns only one is bright, which interpolation between every fourth would miss."""
    images = keras.Input((256, 256, 3))
    x = keras.layers.ReLU()(images)
    output = output_layer(2)
    network = from_scratch(images, output(keras.layers.GlobalAveragePooling2D()(x)))
    output.set_weights([np.ones((3, 1)), np.zeros(1)])
    for column in (100, 101, 102, 103):
        line = np.zeros((1, 256, 256, 3), np.float32)
        line[:, :, column] = 1.0

        found = heat_maps_of(network, line, BINARY)

        assert found[0].argmax(axis=1).tolist() == [25] * MAP_SIDE


# Every architecture.


def alive(network: Network) -> Network:
    """Draws kernels through which an image gets to the end, and an output layer with opinions."""
    generator = np.random.default_rng(5)
    for layer in (*network.whole.layers, *(network.base.layers if network.base else [])):
        for weight in layer.weights:
            if len(weight.shape) == 4:
                inputs = np.prod(weight.shape[:2]) * (
                    1 if isinstance(layer, keras.layers.DepthwiseConv2D) else weight.shape[2]
                )
                weight.assign(generator.normal(0.0, np.sqrt(2.0 / inputs), weight.shape))
    output = network.head.layers[-1]
    output.kernel.assign(generator.normal(0.0, 1.0 / np.sqrt(output.kernel.shape[0]), output.kernel.shape))
    return network


def built(name: str, classes: int, **settings: object) -> Network:
    spec = get_model(name)
    side = spec.minimum_side
    keras.utils.set_random_seed(5)
    weights = UNTRAINED if spec.backbone else ""
    model = ModelSettings(architecture=name, image_size=(side, side), weights=weights, **settings)
    return alive(spec.build(model, spec.input_shape(model), classes))


def noise(network: Network, count: int = 3) -> Numbers:
    shape = (count, *network.whole.input_shape[1:])
    return np.random.default_rng(6).uniform(0, 255, shape).astype(np.float32)


def log_odds(network: Network, features: Any, coding: LabelCoding) -> NDArray[np.float64]:
    """Of the positive class, by hand."""
    kernel, bias = (weight.astype(np.float64) for weight in network.head.layers[-1].get_weights())
    logits = network.explained.before_output(features, training=False).numpy() @ kernel + bias
    if coding.binary:
        return logits[:, 0]
    return logits[:, coding.positive] - logsumexp(np.delete(logits, coding.positive, axis=1), axis=1)


def assert_contributions_are_slopes(network: Network, classes: int) -> None:
    """What all places add up to is how the score grows when all maps grow by the same share."""
    coding = LabelCoding(classes, classes - 1)
    images = noise(network)
    maps = maps_of(network, images)
    np.testing.assert_allclose(
        network.explained.head(network.explained.join(maps), training=False),
        network.whole(images, training=False),
        atol=1e-5,
    )

    found = sum(each.numpy().sum(axis=(1, 2)) for each in contributions([network.explained], maps, coding))

    step = 1e-2
    more, less = (network.explained.join([each * (1.0 + sign * step) for each in maps]) for sign in (1.0, -1.0))
    growth = (log_odds(network, more, coding) - log_odds(network, less, coding)) / (2.0 * step)
    assert np.abs(growth).max() > 1e-3
    np.testing.assert_allclose(found, growth, rtol=0.02, atol=0.01 * np.abs(growth).max())


def assert_sound(found: Numbers) -> None:
    assert found.shape[1:] == (MAP_SIDE, MAP_SIDE)
    assert np.all((found >= 0.0) & (found <= 1.0))
    assert set(found.max(axis=(1, 2)).tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_explained_by_what_its_maps_add_to_the_score(name: str, classes: int) -> None:
    network = built(name, classes)

    assert_contributions_are_slopes(network, classes)

    assert_sound(heat_maps_of(network, noise(network), LabelCoding(classes, 0)))


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in BACKBONES])
def test_every_backbone_is_explained_by_all_of_its_blocks(name: str) -> None:
    network = built(name, 3, features="block_statistics")
    backbone = get_model(name).backbone
    assert backbone is not None

    assert len(network.explained.maps) == len(backbone.blocks)
    assert_contributions_are_slopes(network, 3)
    assert_sound(heat_maps_of(network, noise(network), LabelCoding(3, 2)))


@pytest.mark.parametrize("head", HEADS)
def test_every_head_is_explained(head: str) -> None:
    network = built("mobilenet", 2, head=head)

    assert_contributions_are_slopes(network, 2)


@pytest.mark.parametrize(
    ("name", "shape"), [("cnn", (26, 26, 64)), ("cnn_mias", (30, 30, 64)), ("texture_cnn", (12, 12, 128))]
)
def test_a_network_from_scratch_is_explained_by_its_last_map(name: str, shape: tuple[int, ...]) -> None:
    spec = get_model(name)
    settings = ModelSettings(architecture=name)
    network = spec.build(settings, spec.input_shape(settings), 2)

    (explained,) = network.explained.maps

    assert explained.shape[1:] == shape


def test_a_map_of_one_place_explains_nothing_and_is_passed_over() -> None:
    """The last pooling of the smallest input leaves one row and column."""
    (explained,) = built("cnn", 2).explained.maps

    assert explained.shape[1:] == (2, 2, 64)


# Ensembles.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


def members_of(model: ModelSettings, classes: int, *, frozen: bool = True) -> list[Network]:
    networks = []
    for seed in range(2):
        network = task_of(model, classes).build()
        changed = network.head if frozen else network.whole
        generator = np.random.default_rng(seed)
        changed.set_weights([weight + generator.uniform(0.0, 0.5, weight.shape) for weight in changed.get_weights()])
        networks.append(network)
    return networks


def predictor_of(model: ModelSettings, networks: Sequence[Network], classes: int, views: int) -> Predictor:
    return build_predictor(task_of(model, classes), [network.whole.get_weights() for network in networks], views)


@pytest.mark.parametrize("features", ["last_map", "block_statistics"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("frozen", [True, False])
def test_an_ensemble_is_explained_by_the_sum_of_its_members(
    model: ModelSettings, features: str, classes: int, frozen: bool
) -> None:
    model = model.model_copy(update={"features": features})
    coding = LabelCoding(classes, 1)
    networks = members_of(model, classes, frozen=frozen)
    images = pictures(4)[0].astype(np.float32)
    predictor = predictor_of(model, networks, classes, views=2)

    outputs, maps = predictor.with_maps(images, training=False)
    found = heat_maps(predictor.groups, maps, coding).numpy()

    np.testing.assert_array_equal(outputs, predictor.network(images, training=False))
    evidence = np.zeros((4, MAP_SIDE, MAP_SIDE))
    for network in networks:
        for each in contributions([network.explained], maps_of(network, images), coding):
            evidence += stretched(each.numpy()) * each.shape[1] * each.shape[2] / MAP_SIDE**2
    assert evidence.max() > 0.0
    np.testing.assert_allclose(found, relative_to_peak(evidence), atol=1e-4)


def test_what_the_blocks_add_up_to_is_the_score(model: ModelSettings) -> None:
    """The head is linear in statistics of which each is in proportion to its map."""
    model = model.model_copy(update={"features": "block_statistics"})
    (network, _) = members_of(model, 2)
    images = pictures(4)[0].astype(np.float32)
    maps = maps_of(network, images)

    found = sum(each.numpy().sum(axis=(1, 2)) for each in contributions([network.explained], maps, BINARY))

    features = network.explained.join(maps)
    expected = log_odds(network, features, BINARY) - log_odds(network, tf.zeros_like(features), BINARY)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_views_at_prediction_are_not_explained(model: ModelSettings) -> None:
    networks = members_of(model, 2)
    images = pictures(4)[0].astype(np.float32)

    explained = []
    for views in (1, 8):
        predictor = predictor_of(model, networks, 2, views)
        _, maps = predictor.with_maps(images, training=False)
        explained.append(heat_maps(predictor.groups, maps, BINARY).numpy())

    np.testing.assert_array_equal(*explained)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("features", ["last_map", "block_statistics"])
def test_it_works_in_16_bits(model: ModelSettings, precision: str, features: str) -> None:
    model = model.model_copy(update={"features": features})
    images = pictures(4)[0].astype(np.float32)
    (network, _) = members_of(model, 2)
    weights = network.whole.get_weights()
    expected = heat_maps_of(network, images, BINARY)

    keras.config.set_dtype_policy(precision)
    try:
        in_16_bits = task_of(model).build()
        in_16_bits.whole.set_weights(weights)
        found = heat_maps_of(in_16_bits, images, BINARY)
    finally:
        keras.config.set_dtype_policy("float32")

    assert in_16_bits.explained.maps[0].dtype == precision.removeprefix("mixed_")
    assert found.dtype == np.float32
    assert_sound(found)
    told = expected.any(axis=(1, 2))
    assert told.any()
    for one, other in zip(found[told], expected[told], strict=True):
        assert np.abs(one - other).mean() < 0.05


def test_the_smallest_image_that_a_backbone_takes_is_explained_as_a_whole() -> None:
    """Its last map has one place, which tells nothing of where."""
    network = built("vgg16", 2, head="gap")
    found = heat_maps_of(network, noise(network), BINARY)

    assert network.explained.maps[0].shape[1:3] == (1, 1)
    assert {tuple(np.unique(each)) for each in found} <= {(0.0,), (1.0,)}
