"""Every architecture, under every head and after each phase, is served with the numbers that its network gives."""

import dataclasses
import functools
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from components.models.heads import HEADS
from components.models.registry import all_models, get_model
from components.models.spec import UNTRAINED, Network
from components.settings import ModelSettings, TransformSettings
from components.trainer.data import LabelCoding
from components.trainer.decision import Decision
from components.trainer.export import ServedModel, export
from components.trainer.learning_set import LearningSet, learning_set
from components.trainer.phases import FINE_TUNING, HEAD, WHOLE, Task, train_network
from components.trainer.predictor import build_predictor
from schema.images.formats import encode_png
from serving.servable import Explanations, Servable
from tests.images import noise
from tests.serving.conftest import TransformGraph, transformed_pixels, write_transform_graph
from tests.training import base_of, examples_of, features_of, heat_maps_of, task_of

pytestmark = pytest.mark.slow

FROM_SCRATCH = [name for name, spec in all_models().items() if spec.backbone is None]
BACKBONES = [name for name, spec in all_models().items() if spec.backbone is not None]
# In CI every backbone has its own head, and the lightest has all: the whole table takes a quarter of an hour.
COMBINATIONS = [
    pytest.param(name, head, marks=[] if head == own or name == "mobilenet" else pytest.mark.exhaustive)
    for name in BACKBONES
    for own in [get_model(name).default_head]
    for head in HEADS
]
COUNT = 4  # images, all in one step
STEPS = 10  # so that a network, which starts from nothing, tells images apart
FINE_TUNED = {"epochs": 1, "learning_rate": 3e-5, "schedule": "constant"}
SEED = 5
TOLERANCE = 1e-5
MAP_TOLERANCE = 1e-3  # of the peak, which can be the small difference of large numbers

Weights = Sequence[NDArray[Any]]
Numbers = NDArray[np.float32]


@pytest.fixture(scope="module")
def graph_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Task], TransformGraph]:
    """The graph of Transform for a task."""

    @functools.cache
    def written(shape: TransformSettings) -> TransformGraph:
        return write_transform_graph(tmp_path_factory.mktemp("transform"), shape)

    return lambda task: written(task.spec.transform_settings(task.model))


@pytest.fixture(scope="module")
def requests() -> list[bytes]:
    """Encoded images of several sizes and kinds, from dark to bright."""
    shapes = [(40, 40), (17, 91, 3), (64, 128), (33, 32, 3)]
    return [encode_png(noise(*shape, seed=seed, values=64 * (seed + 1))) for seed, shape in enumerate(shapes)]


@pytest.fixture(scope="module")
def another_process() -> Iterator[Executor]:
    """To save what one phase left there, while the next phase goes on here."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        yield executor


def task_for(name: str, head: str = "", **train: object) -> Task:
    """A few steps on the smallest input."""
    spec = get_model(name)
    side = spec.minimum_side
    model = ModelSettings(architecture=name, image_size=(side, side), head=head, weights=UNTRAINED)
    train = {"epochs": STEPS, "patience": STEPS, "batch_size": COUNT, "monitor": "val_loss", **train}
    return dataclasses.replace(task_of(model, **train), spec=spec)


def served(name: str, head: str, weights: Weights, graph: TransformGraph, requests: Sequence[bytes]) -> Explanations:
    """What a network of these weights answers, saved and loaded again by a session."""
    task = task_for(name, head)
    predictor = build_predictor(task, [list(weights)], views=1)
    decision = Decision(temperature=1.0, threshold=0.5)
    model = ServedModel("small", predictor, graph.output, graph.shape, ("benign", "malignant"), task.coding, decision)
    with tempfile.TemporaryDirectory() as directory:
        export(model, directory)
        with Servable(directory) as servable:
            explained = servable.explain_images(requests)
            return dataclasses.replace(explained, predictions=servable.predict_images(requests))


def _images_of(task: Task) -> LearningSet:
    """Dark ones of the first class and bright ones of the second."""
    shape = task.spec.input_shape(task.model)
    size, labels = (shape.height, shape.width, shape.channels), [0, 1] * (COUNT // 2)
    pictures = [noise(*size, seed=10 + number, values=(64, 256)[label]) for number, label in enumerate(labels)]
    return learning_set(examples_of(np.stack(pictures), labels), None)


def _built(task: Task) -> tuple[Network, Task]:
    """A network, and the task of training this very one: to build another takes seconds for a DenseNet201."""
    keras.utils.set_random_seed(SEED)
    network = task.build()
    return network, dataclasses.replace(task, spec=dataclasses.replace(task.spec, build=lambda *_: network))


def _enliven(base: keras.Model) -> None:
    """Draws larger depthwise kernels: through those that Keras draws, no image gets to the end of MobileNet."""
    generator = np.random.default_rng(SEED)
    for layer in base.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.kernel.assign(generator.normal(0.0, 1.0, layer.kernel.shape))


@contextmanager
def _eagerly() -> Iterator[None]:
    """Without graphs: to build that of the gradients of DenseNet201 takes more than a minute."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def _with_features(images: LearningSet, base: keras.Model) -> LearningSet:
    with _eagerly():
        return learning_set(images.examples, features_of(base, images.examples))


def _changed(network: Network, before: Weights) -> set[str]:
    pairs = zip(network.whole.weights, before, strict=True)
    changed = {weight.path: not np.array_equal(weight.numpy(), old) for weight, old in pairs}
    assert len(changed) == len(before), "two weights have one path"
    return {path for path, is_changed in changed.items() if is_changed}


def _fine_tuned(network: Network, first: str) -> set[str]:
    """The weights that fine-tuning from a layer on changes: no averages, and no batch normalisation of the head."""
    base = base_of(network).layers
    position = [layer.name for layer in base].index(first)
    head = [layer for layer in network.head.layers if not isinstance(layer, keras.layers.BatchNormalization)]
    weights = [weight.path for layer in (*base[position:], *head) for weight in layer.weights]
    return {path for path in weights if "moving_" not in path}


def _answers(network: Network, pixels: Numbers) -> Numbers:
    """Probabilities of the second class."""
    return np.asarray(network.whole(pixels, training=False))[:, 0]


def _largest_change(answers: Numbers, before: Numbers) -> float:
    return float(np.abs(answers - before).max())


def _heat_maps(network: Network, pixels: Numbers) -> Numbers:
    return heat_maps_of(network, pixels, LabelCoding(classes=2, positive=1))


def _assert_same(found: Explanations, answers: Numbers, maps: Numbers) -> None:
    assert np.ptp(answers) > 50 * TOLERANCE, "all images have one answer, so that it shows nothing"
    probabilities = found.predictions.probabilities
    np.testing.assert_allclose(probabilities, np.stack([1.0 - answers, answers], axis=1), rtol=0.0, atol=TOLERANCE)
    np.testing.assert_allclose(found.heat_maps, maps, rtol=0.0, atol=MAP_TOLERANCE)


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_a_network_from_scratch(name: str, graph_of: Callable[[Task], TransformGraph], requests: list[bytes]) -> None:
    task = task_for(name)
    graph, images = graph_of(task), _images_of(task)
    pixels = transformed_pixels(graph.output, graph.shape, requests)
    network, in_place = _built(task)
    start, untrained = network.whole.get_weights(), _answers(network, pixels)

    trained = train_network(in_place, images, images, SEED)

    assert list(trained.histories) == [WHOLE]
    assert _changed(network, start) == {weight.path for weight in network.whole.weights}
    answers = _answers(network, pixels)
    assert _largest_change(answers, untrained) > 10 * TOLERANCE
    _assert_same(served(name, "", trained.weights, graph, requests), answers, _heat_maps(network, pixels))


@pytest.mark.parametrize(("name", "head"), COMBINATIONS)
def test_a_backbone_under_a_head_after_each_of_its_phases(
    name: str,
    head: str,
    graph_of: Callable[[Task], TransformGraph],
    requests: list[bytes],
    another_process: Executor,
) -> None:
    task = task_for(name, head)
    assert task.spec.backbone is not None
    graph = graph_of(task)
    pixels = transformed_pixels(graph.output, graph.shape, requests)
    network, in_place = _built(task)
    _enliven(base_of(network))
    images = _with_features(_images_of(task), base_of(network))
    start, untrained = network.whole.get_weights(), _answers(network, pixels)

    first = train_network(in_place, images, images, SEED)

    assert list(first.histories) == [HEAD]
    assert _changed(network, start) == {weight.path for weight in network.head.weights}
    after_first, maps_after_first = _answers(network, pixels), _heat_maps(network, pixels)
    assert _largest_change(after_first, untrained) > 10 * TOLERANCE
    saved = another_process.submit(served, name, head, first.weights, graph, requests)

    with _eagerly():
        tuning = dataclasses.replace(in_place, train=task_for(name, head, fine_tuning=FINE_TUNED).train)
        second = train_network(tuning, images, images, SEED, start=first.weights)

    assert list(second.histories) == [FINE_TUNING]
    assert _changed(network, first.weights) == _fine_tuned(network, task.spec.backbone.fine_tune_from)
    after_second = _answers(network, pixels)
    assert _largest_change(after_second, after_first) > 10 * TOLERANCE
    _assert_same(served(name, head, second.weights, graph, requests), after_second, _heat_maps(network, pixels))
    _assert_same(saved.result(), after_first, maps_after_first)
