"""The nearest neighbours in cells, against all products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.near_duplicates import neighbours
from components.near_duplicates.cells import NOWHERE, Cells, learn_cells
from components.near_duplicates.geometry import SYMMETRIES
from components.near_duplicates.neighbours import nearest_pairs
from tests.unit.test_near_duplicates_cells import maps, symmetric

LEAST = 0.3


def best_cosines(descriptors: np.ndarray) -> np.ndarray:
    """(n, n): of each with each, in the variant in which they are most alike."""
    flat = descriptors.reshape(len(descriptors), -1).astype(np.float32)
    turned = np.stack([each.reshape(flat.shape) for each in symmetric(descriptors)]).astype(np.float32)
    return np.max(turned @ flat.T, axis=0)


def expected_pairs(descriptors: np.ndarray, count: int) -> set[tuple[int, int]]:
    cosines = best_cosines(descriptors)
    np.fill_diagonal(cosines, -1.0)
    found = set()
    for one, row in enumerate(cosines):
        nearest = np.argsort(-row, kind="stable")[:count]
        found |= {(min(one, other), max(one, other)) for other in nearest.tolist() if row[other] >= LEAST}
    return found


def pairs_of(descriptors: np.ndarray, cells: Cells, count: int) -> set[tuple[int, int]]:
    """Where every image looks into all cells in all variants."""
    places = cells.nearest(descriptors, len(cells.middles) * len(SYMMETRIES))
    found = np.concatenate(list(nearest_pairs(descriptors, places, cells, LEAST, count)))
    return {(one, other) for one, other in found.tolist() if one != other}


@settings(max_examples=25)
@given(images=st.integers(1, 60), cells=st.integers(1, 7), count=st.integers(1, 5), seed=st.integers(0, 9))
def test_who_looks_everywhere_finds_his_nearest(images: int, cells: int, count: int, seed: int) -> None:
    descriptors = maps(images, seed)
    learnt = learn_cells(descriptors, min(cells, images), symmetric)

    assert pairs_of(descriptors, learnt, count) == expected_pairs(descriptors, count)


def test_images_beyond_one_block_find_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = maps(50, seed=3)
    monkeypatch.setattr(neighbours, "ASKING", 7)

    assert pairs_of(descriptors, learn_cells(descriptors, 4, symmetric), 3) == expected_pairs(descriptors, 3)


def test_dropping_all_but_the_nearest_on_the_way_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = maps(50, seed=4)
    monkeypatch.setattr(neighbours, "KEPT", 2)
    monkeypatch.setattr(neighbours, "PRODUCT", 60)

    assert pairs_of(descriptors, learn_cells(descriptors, 6, symmetric), 3) == expected_pairs(descriptors, 3)


def test_an_image_finds_only_what_is_where_it_looks() -> None:
    """Of two pairs of copies, those of the first belong to different cells, and each looks into its own alone."""
    one, other = maps(2, seed=5)
    descriptors = np.stack([one, one, other, other])
    cells = Cells(np.stack([one, other]).reshape(2, -1).astype(np.float32), symmetric)
    places = np.array([[0, NOWHERE], [1, NOWHERE], [1, NOWHERE], [1, NOWHERE]], np.int32)

    found = np.concatenate(list(nearest_pairs(descriptors, places, cells, 0.9, 3)))

    assert {tuple(pair) for pair in found.tolist()} == {(0, 0), (1, 1), (2, 2), (2, 3), (3, 3)}
