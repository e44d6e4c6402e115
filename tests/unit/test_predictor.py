"""The exported network: the mean over members and views, with one backbone where it is the same in all."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from components.models.registry import get_model
from components.models.spec import Network
from components.settings import ModelSettings
from components.trainer.phases import Task
from components.trainer.predictor import Predictor, build_predictor, views_of
from tests.training import SIDE, base_of, maps_of, pictures, pretrained, task_of

Pictures = NDArray[np.float32]

# By hand, each as a change of (batch, rows, columns, channels).
BY_HAND: list[Callable[[Pictures], Pictures]] = [
    lambda images: images,
    lambda images: images[:, :, ::-1],
    lambda images: images[:, ::-1],
    lambda images: np.rot90(images, 2, axes=(1, 2)),
    lambda images: images.swapaxes(1, 2),
    lambda images: np.rot90(images, 1, axes=(2, 1)),
    lambda images: np.rot90(images, 1, axes=(1, 2)),
    lambda images: np.rot90(images, 2, axes=(1, 2)).swapaxes(1, 2),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def images() -> Pictures:
    return pictures(5)[0].astype(np.float32)


def _members(task: Task, count: int, *, frozen: bool = True) -> list[Network]:
    """Networks with random heads of their own, and where they are not frozen, bases too."""
    networks = []
    for seed in range(count):
        keras.utils.set_random_seed(seed)
        network = task.build()
        changed = network.head if frozen else network.whole
        generator = np.random.default_rng(seed)
        changed.set_weights(
            [weight + generator.uniform(-0.25, 0.25, weight.shape) for weight in changed.get_weights()]
        )
        networks.append(network)
    return networks


def _built(task: Task, members: Sequence[Network], views: int) -> Predictor:
    return build_predictor(task, [network.whole.get_weights() for network in members], views)


def _predictor(task: Task, members: Sequence[Network], views: int) -> keras.Model:
    return _built(task, members, views).network


def _mean(members: Sequence[Network], images: Pictures, views: int) -> NDArray[Any]:
    return np.mean(
        [
            np.asarray(network.whole(np.ascontiguousarray(view(images))))
            for network in members
            for view in BY_HAND[:views]
        ],
        axis=0,
    )


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_views_of_a_picture_are_its_symmetries(count: int, images: Pictures) -> None:
    found = [np.asarray(view(images)) for view in views_of(count, SIDE, SIDE)]

    expected = {view(images).tobytes() for view in BY_HAND[:count]}
    assert len(expected) == count
    assert {view.tobytes() for view in found} == expected
    np.testing.assert_array_equal(found[0], images)


def test_the_sides_of_a_picture_that_is_no_square_are_not_swapped() -> None:
    assert len(views_of(4, 16, 24)) == 4
    with pytest.raises(ValueError, match="16 by 24 pixels has four symmetries, not 8"):
        views_of(8, 16, 24)


@pytest.mark.parametrize(
    ("classes", "members", "views", "frozen"),
    [
        (2, 1, 1, True),
        (2, 1, 8, True),
        (2, 3, 1, True),
        (2, 3, 4, False),
        (3, 2, 2, True),
        (3, 2, 8, False),
    ],
)
def test_it_answers_the_mean_over_members_and_views(
    model: ModelSettings, images: Pictures, classes: int, members: int, views: int, frozen: bool
) -> None:
    task = task_of(model, classes, fine_tuning=None if frozen else {})
    networks = _members(task, members, frozen=frozen)

    predictor = _predictor(task, networks, views)
    found = predictor.predict(images, verbose=0)

    expected = _mean(networks, images, views)
    assert (found.shape, found.dtype) == ((5, 1 if classes == 2 else 3), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    if members * views > 1:
        assert np.abs(expected - _mean(networks[:1], images, 1)).max() > 1e-3
    assert (predictor.name, predictor.input_shape) == ("tiny", (None, SIDE, SIDE, 3))


def test_members_on_a_frozen_backbone_share_one(model: ModelSettings, images: Pictures) -> None:
    task = task_of(model)
    networks = _members(task, 3)
    base, head = base_of(networks[0]).count_params(), networks[0].head.count_params()

    predictor = _predictor(task, networks, views=4)

    assert predictor.count_params() == base + 3 * head
    assert sum(layer.name == "base" for layer in predictor.layers) == 1
    np.testing.assert_allclose(predictor.predict(images, verbose=0), _mean(networks, images, 4), atol=1e-6)


@pytest.mark.parametrize("weights", ["fine-tuned", "from scratch"])
def test_members_whose_backbones_were_trained_keep_their_own(
    model: ModelSettings, images: Pictures, weights: str
) -> None:
    if weights == "from scratch":
        task = task_of(ModelSettings(architecture="tiny", weights="none"))
    else:
        task = task_of(model, fine_tuning={})
    networks = _members(task, 2, frozen=False)

    predictor = _predictor(task, networks, views=1)

    assert predictor.count_params() == 2 * networks[0].whole.count_params()
    found = predictor.predict(images, verbose=0)
    np.testing.assert_allclose(found, _mean(networks, images, 1), atol=1e-6)
    of_one_base = np.asarray(networks[1].head(base_of(networks[0])(images)))
    assert np.abs(of_one_base - np.asarray(networks[1].whole(images))).max() > 1e-3


@pytest.mark.parametrize("features", ["last_map", "block_statistics"])
@pytest.mark.parametrize("frozen", [True, False])
def test_beside_the_answers_are_the_maps_of_the_pictures_as_they_are(
    model: ModelSettings, images: Pictures, features: str, frozen: bool
) -> None:
    task = task_of(model.model_copy(update={"features": features}), fine_tuning=None if frozen else {})
    networks = _members(task, 2, frozen=frozen)

    predictor = _built(task, networks, views=2)
    answers, maps = predictor.with_maps(images)

    np.testing.assert_array_equal(answers, predictor.network(images))
    assert [len(members) for members in predictor.groups] == ([2] if frozen else [1, 1])
    for network, of_group in zip(networks, maps, strict=False):
        expected = maps_of(network, images)
        assert [each.shape[1:] for each in of_group] == (
            [(2, 2, 8)] if features == "last_map" else [(8, 8, 4), (4, 4, 6), (2, 2, 8)]
        )
        for one, other in zip(of_group, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    assert predictor.with_maps.count_params() == predictor.network.count_params()
    assert sum(layer.name.startswith("base") for layer in predictor.with_maps.layers) == (1 if frozen else 2)


def test_an_ensemble_of_networks_without_backbone() -> None:
    settings = ModelSettings(image_size=(32, 32))
    spec = get_model("cnn")
    plain = task_of(settings)
    task = Task(spec, settings, plain.train, plain.coding, plain.compute)
    noise = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    networks = _members(task, 2)

    predictor = _predictor(task, networks, views=2)

    np.testing.assert_allclose(predictor.predict(noise, verbose=0), _mean(networks, noise, 2), atol=1e-6)


def test_eight_views_of_an_input_that_is_no_square_are_refused(model: ModelSettings) -> None:
    task = task_of(model.model_copy(update={"image_size": (16, 24)}))

    with pytest.raises(ValueError, match="16 by 24"):
        build_predictor(task, [task.build().whole.get_weights()], 8)


def test_a_picture_and_its_mirror_image_are_answered_alike(model: ModelSettings, images: Pictures) -> None:
    predictor = _predictor(task_of(model), _members(task_of(model), 1), views=8)
    once = _predictor(task_of(model), _members(task_of(model), 1), views=1)

    expected, of_one_view = np.asarray(predictor(images)), np.asarray(once(images))

    for view in BY_HAND[1:]:
        changed = np.ascontiguousarray(view(images))
        np.testing.assert_allclose(np.asarray(predictor(changed)), expected, atol=1e-6)
        assert np.abs(np.asarray(once(changed)) - of_one_view).max() > 1e-4
