"""The index against an exact search, and sets that could make it slow or unstable."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from components.near_duplicates import FINGERPRINT_LENGTH, DiskRows, Rows, find_near_duplicates, fingerprint
from components.near_duplicates.candidates import NEIGHBOURS, propose_layouts, propose_turns
from components.near_duplicates.comparison import resembling
from components.near_duplicates.descriptors import Descriptions, describe

PATCHES = 2000
COPIES = 50


def noise(random: np.random.Generator, sigma: float) -> np.ndarray:
    smooth = cv2.GaussianBlur(random.standard_normal((50, 50)), (0, 0), sigma)
    return smooth / smooth.std()


def patch(seed: int) -> np.ndarray:
    """(50, 50) uint8: fine and coarse blurred noise."""
    random = np.random.default_rng(seed)
    return np.clip(128 + 25 * noise(random, 1.0) + 30 * noise(random, 4.0), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def prints() -> np.ndarray:
    """(PATCHES + COPIES, FINGERPRINT_LENGTH) uint8: patches, then changed copies of the first ones."""
    patches = [patch(seed) for seed in range(PATCHES)]
    copies = [cv2.GaussianBlur(image[::-1, 2:], (0, 0), 0.7) for image in patches[:COPIES]]
    return np.stack([fingerprint(image) for image in [*patches, *copies]])


@pytest.fixture(scope="module")
def descriptions(prints: np.ndarray) -> Descriptions:
    return describe(prints, np.arange(len(prints)))


def as_set(pairs: Rows[np.int32]) -> set[tuple[int, int]]:
    return {(one, other) for one, other in pairs[:].tolist()}


@pytest.mark.parametrize("propose", [propose_layouts, propose_turns])
def test_the_index_proposes_the_copies_that_an_exact_search_proposes(
    propose: Callable[..., Rows[np.int32]], descriptions: Descriptions
) -> None:
    exact, by_cells = as_set(propose(descriptions)), as_set(propose(descriptions, exact_count=0))
    copies = {(row, PATCHES + row) for row in range(COPIES)}
    assert copies <= exact
    assert copies <= by_cells
    assert len(exact & by_cells) >= 0.5 * len(exact)


def test_the_exact_search_is_exact(prints: np.ndarray) -> None:
    few = describe(prints, np.arange(200))
    flat = few.coarse[:].reshape(200, -1).astype(np.float32)
    cosines = np.triu(flat @ flat.T, 1)
    alike = {(one, other) for one, other in zip(*np.nonzero(cosines >= 0.5), strict=True)}
    assert alike <= as_set(propose_layouts(few))


def test_two_searches_find_the_same(prints: np.ndarray, descriptions: Descriptions) -> None:
    first, second = (propose_layouts(descriptions, exact_count=0) for _ in range(2))
    assert np.array_equal(first[:], second[:])
    assert find_near_duplicates(prints[-200:]) == find_near_duplicates(prints[-200:])


def test_fingerprints_may_lie_on_disk(prints: np.ndarray) -> None:
    some = np.concatenate([prints[:80], prints[PATCHES:]])
    on_disk = DiskRows((FINGERPRINT_LENGTH,), np.uint8)
    on_disk.append(some)
    assert find_near_duplicates(on_disk) == find_near_duplicates(some)
    assert [(pair.first, pair.second) for pair in find_near_duplicates(some)] == [
        (row, 80 + row) for row in range(COPIES)
    ]


def test_textureless_images_are_neither_alike_nor_many_candidates() -> None:
    random = np.random.default_rng(0)
    white = np.stack([fingerprint(random.integers(240, 243, (50, 50, 3), np.uint8)) for _ in range(300)])
    pairs = propose_layouts(describe(white, np.arange(len(white))))
    assert len(pairs) <= NEIGHBOURS * len(white)
    assert find_near_duplicates(white) == []


def test_look_alikes_are_capped() -> None:
    """Nearly equal images propose some neighbours each, not all others."""
    base = patch(0).astype(np.int16)
    random = np.random.default_rng(0)
    alike = [np.clip(base + random.integers(-3, 4, base.shape), 0, 255).astype(np.uint8) for _ in range(400)]
    pairs = propose_layouts(describe(np.stack([fingerprint(image) for image in alike]), np.arange(400)))
    assert len(pairs) <= NEIGHBOURS * 400


def test_no_image_has_no_description() -> None:
    empty = describe(np.empty((0, FINGERPRINT_LENGTH), np.uint8), np.empty(0, np.intp))
    assert len(empty.halves) == 0


def test_a_first_look_keeps_the_copies_and_few_others(descriptions: Descriptions) -> None:
    candidates = propose_layouts(descriptions)[:]
    kept = as_set(resembling(descriptions, candidates))
    copies = {(row, PATCHES + row) for row in range(COPIES)}
    assert copies <= kept
    assert len(kept - copies) < 0.1 * len(candidates)


def test_a_first_look_at_no_pair() -> None:
    nothing = describe(np.empty((0, FINGERPRINT_LENGTH), np.uint8), np.empty(0, np.intp))
    assert resembling(nothing, np.empty((0, 2), np.int32)).shape == (0, 2)
