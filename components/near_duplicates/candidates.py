"""Proposes pairs of images that may be near-duplicates, by nearest neighbours of their descriptors.

Two searches: one of coarse maps, whose eight symmetries of the square count as the same, which tolerates crops; one
of descriptors that no rotation and no mirroring changes. Both look into some of a number of cells that grows with the
square root of the images.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.cells import Cells, Variants, learn_cells
from components.near_duplicates.descriptors import (
    CHUNK,
    INVARIANTS_LENGTH,
    Descriptions,
    angular_spectra,
    invariants,
    scaled,
)
from components.near_duplicates.disk_pairs import sorted_pairs
from components.near_duplicates.disk_rows import DiskRows, Rows
from components.near_duplicates.geometry import SYMMETRIES, apply_symmetry
from components.near_duplicates.neighbours import nearest_pairs

NEIGHBOURS: Final = 16  # of an image in each search, so that a set of look-alikes costs no quadratic number of checks
# Cosines. Nearly all copies have more; of unrelated patches, the nearest has 0.44 and 0.56 in the median.
LEAST_COARSE: Final = 0.33
LEAST_INVARIANT: Final = 0.6

EXACT_COUNT: Final = 8192  # images that one cell may hold: up to here the search is exact


@dataclass(frozen=True)
class _Search:
    """Attributes: cells_per_root: cells, for each square root of the number of images; probes: places looked into."""

    cells_per_root: float
    probes: int


LAYOUTS: Final = _Search(cells_per_root=1.0, probes=48)
TURNS: Final = _Search(cells_per_root=4.0, probes=64)


def propose_layouts(descriptions: Descriptions, exact_count: int = EXACT_COUNT) -> DiskRows[np.int32]:
    """Pairs of images that may show the same but for a symmetry of the square and a crop.

    Args:
        exact_count: up to so many images one cell holds all, and the search is exact.

    Returns:
        (pairs, 2), on disk: positions, the smaller one first, sorted, without repetition.
    """
    return _neighbours(descriptions.coarse, _in_all_symmetries, LEAST_COARSE, LAYOUTS, exact_count)


def propose_turns(descriptions: Descriptions, exact_count: int = EXACT_COUNT) -> DiskRows[np.int32]:
    """Pairs of images that may show the same but for a turn by any angle; arguments and result as above."""
    return _neighbours(_turn_invariants(descriptions), _as_they_are, LEAST_INVARIANT, TURNS, exact_count)


def _turn_invariants(descriptions: Descriptions) -> DiskRows[np.float16]:
    """(n, INVARIANTS_LENGTH), norm 1."""
    found = DiskRows((INVARIANTS_LENGTH,), np.float16)
    for start in range(0, len(descriptions.halves), CHUNK):
        chunk = slice(start, start + CHUNK)
        halves = descriptions.halves[chunk].astype(np.float32)
        found.append(scaled(invariants(angular_spectra(halves, descriptions.aspects[chunk]))))
    return found


def _in_all_symmetries(descriptors: NDArray[np.float16]) -> list[NDArray[np.float16]]:
    return [apply_symmetry(descriptors, symmetry) for symmetry in SYMMETRIES]


def _as_they_are(descriptors: NDArray[np.float16]) -> list[NDArray[np.float16]]:
    return [descriptors]


def _neighbours(
    descriptors: Rows[np.float16],
    variants: Variants,
    least: float,
    search: _Search,
    exact_count: int,
) -> DiskRows[np.int32]:
    """Pairs of an image and one of its NEIGHBOURS nearest in any variant, with a cosine of at least `least`.

    Returns:
        (pairs, 2), the smaller position first, sorted, without repetition.
    """
    exact = len(descriptors) <= exact_count
    count = 1 if exact else round(search.cells_per_root * np.sqrt(len(descriptors)))
    cells = learn_cells(descriptors, count, variants)
    places = _places(descriptors, cells, search.probes)
    return sorted_pairs(nearest_pairs(descriptors, places, cells, least, NEIGHBOURS), len(descriptors))


def _places(descriptors: Rows[np.float16], cells: Cells, count: int) -> DiskRows[np.int32]:
    """(n, count): the nearest places of each of (n, ...) descriptors, its own first."""
    found = DiskRows((count,), np.int32)
    for start in range(0, len(descriptors), CHUNK):
        found.append(cells.nearest(descriptors[start : start + CHUNK], count))
    return found
