"""The check with shuffled weights, on exported models."""

from pathlib import Path

import numpy as np
import pytest

from components.heat_map_evaluator.explain import explain
from components.heat_map_evaluator.randomisation import Stage, randomise
from components.heat_map_evaluator.weight_levels import weight_levels
from schema import contract
from schema.images.formats import encode_png
from serving.servable import Servable
from tests.images import noise
from tests.serving.conftest import Exported

LAYERS = 5  # of `cnn`


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    return [encode_png(noise(40, 30 + seed, seed=seed)) for seed in range(20)]


def test_the_weights_of_a_served_model_are_found_from_the_output_to_the_image(exported: Exported) -> None:
    with Servable(str(exported.directory)) as servable:
        graph = servable.session.graph
        output = servable.definition(contract.SERVING_IMAGE).outputs[contract.PROBABILITIES].name
        levels = weight_levels(graph.as_graph_def(), output)
        shapes = {name: tuple(graph.get_operation_by_name(name).get_attr("shape").dim) for name in levels}

    sizes = {name: tuple(dimension.size for dimension in shape) for name, shape in shapes.items()}
    assert [sorted(sizes[name] for name, level in levels.items() if level == each) for each in range(LAYERS)] == [
        [(1,), (64, 1)],
        [(64,), (256, 64)],
        [(3, 3, 32, 64), (64,)],
        [(3, 3, 32, 32), (32,)],
        [(3, 3, 3, 32), (32,)],
    ]
    assert max(levels.values()) == LAYERS - 1


def test_an_untouched_model_agrees_with_itself_and_a_shuffled_one_does_not(
    exported: Exported, images: list[bytes]
) -> None:
    found = _randomise(exported.directory, images, seed=0)

    assert [stage.layers for stage in found] == [0, 1, 2, 4, 5]
    untouched, *_, all_shuffled = (stage.similarity for stage in found)
    assert (untouched.rank_correlation, untouched.overlap, untouched.compared) == (1.0, 1.0, 20)
    assert all_shuffled.rank_correlation < 0.95  # of maps of 2 by 2 places, which leave little room to differ
    assert all_shuffled.overlap < 0.95
    assert [stage.similarity.rank_correlation < 1.0 for stage in found] == [False, True, True, True, True]


def test_the_seed_decides_and_the_published_model_stays(copy_of_exported: Path, images: list[bytes]) -> None:
    files = {path: path.read_bytes() for path in copy_of_exported.rglob("*") if path.is_file()}

    first, again, other = (_randomise(copy_of_exported, images, seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert {path: path.read_bytes() for path in copy_of_exported.rglob("*") if path.is_file()} == files


def _randomise(directory: Path, images: list[bytes], seed: int) -> list[Stage]:
    with Servable(str(directory)) as servable:
        return randomise(servable, images, explain(servable, images), seed)


def test_images_are_explained_in_batches(exported: Exported, images: list[bytes]) -> None:
    with Servable(str(exported.directory)) as servable:
        found = explain(servable, images)
        expected = servable.explain_images(images[-2:]).heat_maps

    assert found.shape == (20, contract.HEAT_MAP_SIDE, contract.HEAT_MAP_SIDE)
    np.testing.assert_allclose(found[-2:], expected, atol=1e-5)
