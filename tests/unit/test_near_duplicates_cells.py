"""Cells of the index of near-duplicates."""

import numpy as np
import pytest

from components.near_duplicates.cells import NOWHERE, Cells, learn_cells, vectors_of
from components.near_duplicates.geometry import SYMMETRIES, apply_symmetry

SIDE = 6
CELLS = 5


def symmetric(maps: np.ndarray) -> list[np.ndarray]:
    return [apply_symmetry(maps, symmetry) for symmetry in SYMMETRIES]


def maps(count: int, seed: int = 0) -> np.ndarray:
    """(count, SIDE, SIDE) float16, norm 1."""
    values = np.random.default_rng(seed).standard_normal((count, SIDE, SIDE))
    return (values / np.linalg.norm(values, axis=(1, 2), keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def cells() -> Cells:
    return learn_cells(maps(200), CELLS, symmetric)


def test_the_nearest_places_are_those_of_all_variants(cells: Cells) -> None:
    some = maps(30, seed=1)
    products = np.stack([vectors_of(variant) @ cells.middles.T for variant in symmetric(some)], axis=1)
    expected = np.argsort(-products.reshape(30, -1), axis=1)[:, :7]

    assert np.array_equal(cells.nearest(some, 7), expected)


@pytest.mark.parametrize("number", range(len(SYMMETRIES)))
def test_what_is_symmetric_is_the_same_vector_in_the_same_cell(cells: Cells, number: int) -> None:
    some = maps(30, seed=1)
    moved = symmetric(some)[number]
    own, other = (cells.nearest(each, 1)[:, 0] for each in (some, moved))

    assert np.array_equal(own % CELLS, other % CELLS)
    assert np.array_equal(cells.placed(some, own), cells.placed(moved, other))


def test_there_are_no_more_places_than_variants_of_cells(cells: Cells) -> None:
    places = cells.nearest(maps(3), CELLS * len(SYMMETRIES) + 2)

    assert all(sorted(row) == [NOWHERE, NOWHERE, *range(CELLS * len(SYMMETRIES))] for row in places.tolist())


def test_cells_gather_what_is_alike() -> None:
    """Of three kinds in all symmetries, each has a cell of its own, whose middle is close to all of them."""
    kinds = maps(3, seed=2)
    noisy = np.concatenate([symmetric(kinds)[number % 8] + 0.02 * maps(3, seed=number) for number in range(40)])
    cells = learn_cells(noisy.astype(np.float16), 3, symmetric)
    places = cells.nearest(noisy.astype(np.float16), 1)[:, 0]

    assert [len(set((places[kind::3] % 3).tolist())) for kind in range(3)] == [1, 1, 1]
    assert set((places % 3).tolist()) == {0, 1, 2}
    assert np.linalg.norm(cells.middles, axis=1) == pytest.approx(1.0, abs=1e-5)
