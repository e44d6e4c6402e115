"""Proposes pairs of images that may be near-duplicates, by nearest neighbours of their descriptors.

Two indexes: one of coarse maps, whose eight symmetries of the square count as the same, which tolerates crops; one
of descriptors that no rotation and no mirroring changes. Both are inverted files (faiss, 8 bits a value) with a
number of cells that grows with the square root of the images. They are filled with some of the images at a time, so
that memory does not grow with all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.cells import Cells, Nearest, Variants, highest, learn_cells, vectors_of
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

NEIGHBOURS: Final = 16  # of an image in each index, so that a set of look-alikes costs no quadratic number of checks
# Cosines. Nearly all copies have more; of unrelated patches, the nearest has 0.44 and 0.56 in the median.
LEAST_COARSE: Final = 0.33
LEAST_INVARIANT: Final = 0.6

EXACT_COUNT: Final = 4096  # images that one cell may hold: up to here the search is exact
RANGE_SAMPLE: Final = 2048  # images, at least, that show between which numbers the values of all lie
INDEXED: Final = 131_072  # images that an index holds at a time; each takes some 300 bytes


@dataclass(frozen=True)
class _Search:
    """Attributes: cells_per_root: cells, for each square root of the number of images; probes: places looked into."""

    cells_per_root: float
    probes: int


LAYOUTS: Final = _Search(cells_per_root=1.0, probes=48)
TURNS: Final = _Search(cells_per_root=4.0, probes=64)


@dataclass(frozen=True)
class _Nearest:
    """The images nearest to each of n.

    Attributes:
        cosines: (n, NEIGHBOURS + 1) float32; far below 0 where there is no further image.
        others: (n, NEIGHBOURS + 1) int64, positions.
    """

    cosines: DiskRows[np.float32]
    others: DiskRows[np.int64]


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
    index = _empty_index(descriptors, places, cells, exact)
    found = []
    for start in range(0, len(descriptors), INDEXED):
        index.reset()
        _fill(index, descriptors, places, cells, range(start, min(start + INDEXED, len(descriptors))))
        found.append(_nearest(index, start, descriptors, places, cells))
    return sorted_pairs(_near_enough(found, least, len(descriptors)), len(descriptors))


def _places(descriptors: Rows[np.float16], cells: Cells, count: int) -> DiskRows[np.int32]:
    """(n, count): the nearest places of each of (n, ...) descriptors, its own first."""
    found = DiskRows((count,), np.int32)
    for start in range(0, len(descriptors), CHUNK):
        found.append(cells.nearest(descriptors[start : start + CHUNK], count))
    return found


def _nearest(
    index: faiss.IndexIVFScalarQuantizer,
    first: int,
    descriptors: Rows[np.float16],
    places: Rows[np.int32],
    cells: Cells,
) -> _Nearest:
    """Args: first: position of the first descriptor in the index."""
    count = NEIGHBOURS + 1  # an image also finds itself
    found = _Nearest(DiskRows((count,), np.float32), DiskRows((count,), np.int64))
    for start in range(0, len(descriptors), CHUNK):
        chunk = slice(start, start + CHUNK)
        results = (
            _search(index, variant, cells.of_variant(places[chunk], number), count)
            for number, variant in enumerate(cells.variants(descriptors[chunk]))
        )
        cosines, others = highest(results, count)
        found.cosines.append(cosines)
        found.others.append(others + first)
    return found


def _near_enough(found: Sequence[_Nearest], least: float, images: int) -> Iterator[NDArray[np.int64]]:
    """(n, 2) pairs, the smaller position first, with repetitions."""
    for start in range(0, images, CHUNK):
        chunk = slice(start, start + CHUNK)
        results = ((nearest.cosines[chunk], nearest.others[chunk]) for nearest in found)
        cosines, others = highest(results, NEIGHBOURS + 1)
        rows, columns = np.nonzero(cosines >= least)
        yield np.sort(np.stack([start + rows, others[rows, columns]], axis=1), axis=1)


def _empty_index(
    descriptors: Rows[np.float16], places: Rows[np.int32], cells: Cells, exact: bool
) -> faiss.IndexIVFScalarQuantizer:
    """An index by inner product, which has learnt between which numbers the values of all lie, and holds none."""
    count, length = cells.middles.shape
    kind = faiss.ScalarQuantizer.QT_fp16 if exact else faiss.ScalarQuantizer.QT_8bit
    whole = False  # vectors are kept whole, not as differences from the middle of their cell
    quantizer = faiss.IndexFlatIP(length)
    quantizer.add(cells.middles)
    index = faiss.IndexIVFScalarQuantizer(quantizer, length, count, kind, faiss.METRIC_INNER_PRODUCT, whole)
    sample = slice(None, None, max(1, len(descriptors) // RANGE_SAMPLE))
    index.train(cells.placed(descriptors[sample], places[sample][:, 0]))
    return index


def _fill(
    index: faiss.IndexIVFScalarQuantizer,
    descriptors: Rows[np.float16],
    places: Rows[np.int32],
    cells: Cells,
    positions: range,
) -> None:
    for start in positions[::CHUNK]:
        chunk = slice(start, min(start + CHUNK, positions.stop))
        own = places[chunk][:, 0]
        vectors = cells.placed(descriptors[chunk], own)
        in_cells = (own % len(cells.middles)).astype(np.int64)
        index.add_core(len(vectors), faiss.swig_ptr(vectors), None, faiss.swig_ptr(in_cells))


def _search(
    index: faiss.IndexIVFScalarQuantizer, descriptors: NDArray[np.float16], cells: NDArray[np.int64], count: int
) -> Nearest:
    """The `count` nearest of each of (n, ...) descriptors in the cells named, (n, probes)."""
    index.nprobe = cells.shape[1]
    unused = np.zeros(cells.shape, np.float32)  # products with the middles, on which those with images do not depend
    search: Any = index.search_preassigned  # declared as in C++
    cosines, others = search(vectors_of(descriptors), count, cells, unused)
    return cosines, others
