"""The signature that explains: heat maps in a session as outside of any graph, and what they cost."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf import saved_model_pb2

from components.models.registry import get_model
from components.settings import ModelSettings
from components.trainer.decision import Decision
from components.trainer.explanation import heat_maps
from components.trainer.export import ServedModel, export
from components.trainer.predictor import build_predictor
from schema import contract
from schema.images.formats import encode_png
from serving import check
from serving.saved_model import UnusableModelError
from serving.servable import Explanations, Servable
from tests.serving.conftest import Exported, transformed_pixels, without_heat_maps, write_transform_graph
from tests.training import SHAPE, heat_maps_of, pretrained, task_of

LABELS = ("normal", "benign", "malignant")
VIEWS, MEMBERS, CONVOLUTIONS = 2, 2, 3  # the last: of the tiny backbone


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    generator = np.random.default_rng(3)
    shapes = [(40, 40), (17, 91), (128, 64, 3), (33, 32, 3), (9, 9)]
    return [encode_png(generator.integers(0, 256, shape).astype(np.uint8)) for shape in shapes]


def eager_maps(model: ServedModel, images: list[bytes]) -> NDArray[np.float32]:
    pixels = transformed_pixels(model.transform_output, model.shape, images)
    _, maps = model.predictor.with_maps(pixels, training=False)
    found: NDArray[np.float32] = heat_maps(model.predictor.groups, maps, model.coding).numpy()
    return found


@pytest.mark.parametrize("labels", [LABELS[1:], LABELS])
def test_a_session_gives_the_maps_of_the_network(
    export_model: Callable[..., Exported], images: list[bytes], labels: tuple[str, ...]
) -> None:
    made = export_model(labels, 0.5)

    with Servable(str(made.directory)) as servable:
        together = servable.explain_images(images).heat_maps
        alone = np.concatenate([servable.explain_images([image]).heat_maps for image in images])

    expected = eager_maps(made.model, images)
    assert (together.shape, together.dtype) == ((5, contract.HEAT_MAP_SIDE, contract.HEAT_MAP_SIDE), np.float32)
    assert expected.max(axis=(1, 2)).tolist() == [1.0] * 5
    assert expected.std(axis=(1, 2)).min() > 0.05
    np.testing.assert_allclose(together, expected, atol=1e-4)
    np.testing.assert_allclose(alone, expected, atol=1e-4)


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two members on one backbone, statistics of whose blocks they see, in two views, for three classes."""
    settings = pretrained(tmp_path_factory.mktemp("weights")).model_copy(update={"features": "block_statistics"})
    task = task_of(settings, len(LABELS), positive=2)
    members = []
    for seed in range(MEMBERS):
        generator, network = np.random.default_rng(seed), task.build()
        network.head.set_weights(
            [weight + generator.uniform(0, 0.5, weight.shape) for weight in network.head.weights]
        )
        members.append(network.whole.get_weights())
    graph = write_transform_graph(tmp_path_factory.mktemp("transform"), SHAPE)
    predictor = build_predictor(task, members, VIEWS)
    model = ServedModel("tiny", predictor, graph.output, SHAPE, LABELS, task.coding, Decision(1.5, 0.4))
    directory = tmp_path_factory.mktemp("exported") / "model"
    export(model, str(directory))
    return Exported(directory, model)


def test_an_ensemble_with_views_is_explained(ensemble: Exported, images: list[bytes]) -> None:
    check.check_model(str(ensemble.directory))
    with Servable(str(ensemble.directory)) as servable:
        explained = servable.explain_images(images)
        predicted = servable.predict_images(images)

    expected = eager_maps(ensemble.model, images)
    assert expected.std() > 0.05
    np.testing.assert_allclose(explained.heat_maps, expected, atol=1e-4)
    np.testing.assert_allclose(explained.predictions.probabilities, predicted.probabilities, atol=1e-6)
    assert explained.predictions.labels == predicted.labels


def operations(directory: Path, signature: str) -> list[tuple[str, str]]:
    """What a signature runs, as often as it does: the names of functions and the operations in them."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((directory / "saved_model.pb").read_bytes())
    (meta_graph,) = saved.meta_graphs
    graph = meta_graph.graph_def
    functions = {function.signature.name: function for function in graph.library.function}
    nodes = {node.name: node for node in graph.node}
    output = meta_graph.signature_def[signature].outputs[contract.PROBABILITIES].name

    def walk(within: str, node: NodeDef) -> Iterator[tuple[str, str]]:
        yield within, node.op
        if node.op in {"PartitionedCall", "StatefulPartitionedCall"}:
            called = node.attr["f"].func.name
            for inner in functions[called].node_def:
                yield from walk(called, inner)

    return list(walk("", nodes[output.partition(":")[0]]))


def test_the_backbone_is_run_once_for_each_view_and_no_slope_runs_through_it(ensemble: Exported) -> None:
    plain, image, explanation = (
        Counter(operation for _, operation in operations(ensemble.directory, signature))
        for signature in (contract.SERVING_DEFAULT, contract.SERVING_IMAGE, contract.SERVING_EXPLANATION)
    )

    assert [count["Conv2D"] for count in (plain, image, explanation)] == [CONVOLUTIONS * VIEWS] * 3
    assert not [operation for operation in explanation if operation.startswith("Conv2DBackprop")]
    assert explanation["ScaleAndTranslate"] == CONVOLUTIONS  # a map for each block
    assert plain["ScaleAndTranslate"] == image["ScaleAndTranslate"] == 0


def test_both_signatures_that_only_answer_share_the_graph_of_the_network(ensemble: Exported) -> None:
    of_examples, of_images = (
        {function for function, operation in operations(ensemble.directory, signature) if operation == "Conv2D"}
        for signature in (contract.SERVING_DEFAULT, contract.SERVING_IMAGE)
    )

    assert len(of_examples) == 1
    assert of_images == of_examples


def test_a_certain_answer_is_explained(exported: Exported, images: list[bytes], tmp_path: Path) -> None:
    keras.utils.set_random_seed(7)
    settings = ModelSettings(architecture="cnn", image_size=(32, 32))
    task = dataclasses.replace(task_of(settings), spec=get_model("cnn"))
    network = task.build()
    network.head.layers[-1].bias.assign([1e4])
    predictor = build_predictor(task, [network.whole.get_weights()], 1)
    model: ServedModel = dataclasses.replace(exported.model, predictor=predictor)
    export(model, str(tmp_path / "model"))

    with Servable(str(tmp_path / "model")) as servable:
        explained = servable.explain_images(images)

    assert explained.predictions.malignant_probability.tolist() == [1.0] * 5
    pixels = transformed_pixels(model.transform_output, model.shape, images)
    expected = heat_maps_of(network, pixels, task.coding)
    assert expected.std() > 0.05
    np.testing.assert_allclose(explained.heat_maps, expected, atol=1e-4)


# The check before publishing.


def spoil(monkeypatch: pytest.MonkeyPatch, change: Callable[[Explanations], Explanations]) -> None:
    explain = Servable.explain_images
    monkeypatch.setattr(Servable, "explain_images", lambda servable, images: change(explain(servable, images)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01])
def test_a_heat_map_outside_of_its_range_fails(
    exported: Exported, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    def change(found: Explanations) -> Explanations:
        found.heat_maps[1, 2, 3] = value
        return found

    spoil(monkeypatch, change)

    with pytest.raises(UnusableModelError, match=r"serving_explanation answers heat maps with values outside"):
        check.check_model(str(exported.directory))


def test_a_heat_map_of_another_size_fails(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, lambda found: dataclasses.replace(found, heat_maps=found.heat_maps[:, ::2]))

    with pytest.raises(UnusableModelError, match=r"shape \(4, 32, 64\), not \(4, 64, 64\)"):
        check.check_model(str(exported.directory))


def test_other_probabilities_beside_the_heat_maps_fail(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(found: Explanations) -> Explanations:
        found.predictions.probabilities[0, 0] += 0.001
        return found

    spoil(monkeypatch, change)

    with pytest.raises(UnusableModelError, match=r"serving_explanation answers probabilities that differ by 0\.001"):
        check.check_model(str(exported.directory))


def test_a_model_that_does_not_explain_fails(copy_of_exported: Path) -> None:
    with pytest.raises(UnusableModelError, match="has no signature 'serving_explanation'"):
        check.check_model(str(without_heat_maps(copy_of_exported)))
