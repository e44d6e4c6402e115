"""Proposes pairs of images that may be near-duplicates, by nearest neighbours of their descriptors.

Two indexes: one of coarse maps, asked for each image in all eight symmetries of the square, which tolerates
crops; one of descriptors that no rotation and no mirroring changes, asked once. Both are inverted files
(faiss, 8 bits a value) with a number of cells that grows with the square root of the images. They are filled with
some of the images at a time, so that memory does not grow with all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

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
CELLS_PER_ROOT: Final = 4  # cells, for each square root of the number of images
# Cells that are searched. Turned copies are less alike, and are asked for once, not eight times.
LAYOUT_PROBES: Final = 16
TURN_PROBES: Final = 64
TRAINING_PER_CELL: Final = 48  # images that the cells are learnt from
TRAINING_ROUNDS: Final = (
    5  # of k-means; ten move hardly a neighbour, and for many images take longer than all searches
)
RANGE_SAMPLE: Final = 2048  # images, at least, that show between which numbers the values of all lie
INDEXED: Final = 32_768  # images that an index holds at a time; each takes some 300 bytes


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
    return _neighbours(descriptions.coarse, _in_all_symmetries, LEAST_COARSE, LAYOUT_PROBES, exact_count)


def propose_turns(descriptions: Descriptions, exact_count: int = EXACT_COUNT) -> DiskRows[np.int32]:
    """Pairs of images that may show the same but for a turn by any angle; arguments and result as above."""
    return _neighbours(_turn_invariants(descriptions), _as_they_are, LEAST_INVARIANT, TURN_PROBES, exact_count)


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
    variants: Callable[[NDArray[np.float16]], Sequence[NDArray[np.float16]]],
    least: float,
    probes: int,
    exact_count: int,
) -> DiskRows[np.int32]:
    """Pairs of an image and one of its NEIGHBOURS nearest in any variant, with a cosine of at least `least`.

    Returns:
        (pairs, 2), the smaller position first, sorted, without repetition.
    """
    index = _empty_index(descriptors, exact_count)
    index.nprobe = probes
    found = []
    for start in range(0, len(descriptors), INDEXED):
        index.reset()
        _fill(index, descriptors, range(start, min(start + INDEXED, len(descriptors))))
        found.append(_nearest(index, start, descriptors, variants))
    return sorted_pairs(_near_enough(found, least, len(descriptors)), len(descriptors))


def _nearest(
    index: faiss.IndexIVFScalarQuantizer,
    first: int,
    descriptors: Rows[np.float16],
    variants: Callable[[NDArray[np.float16]], Sequence[NDArray[np.float16]]],
) -> _Nearest:
    """Args: first: position of the first descriptor in the index."""
    count = NEIGHBOURS + 1  # an image also finds itself
    found = _Nearest(DiskRows((count,), np.float32), DiskRows((count,), np.int64))
    for start in range(0, len(descriptors), CHUNK):
        chunk = descriptors[start : start + CHUNK]
        results = [index.search(_vectors(variant), count) for variant in variants(chunk)]
        cosines, others = _best(results)
        found.cosines.append(cosines)
        found.others.append(others + first)
    return found


def _near_enough(found: Sequence[_Nearest], least: float, images: int) -> Iterator[NDArray[np.int64]]:
    """(n, 2) pairs, the smaller position first, with repetitions."""
    for start in range(0, images, CHUNK):
        chunk = slice(start, start + CHUNK)
        cosines, others = _best([(nearest.cosines[chunk], nearest.others[chunk]) for nearest in found])
        rows, places = np.nonzero(cosines >= least)
        yield np.sort(np.stack([start + rows, others[rows, places]], axis=1), axis=1)


def _best(
    results: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The highest cosines of several searches, and whose they are; as many as each search has found."""
    cosines, others = (np.concatenate(parts, axis=1) for parts in zip(*results, strict=True))
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
    return np.take_along_axis(cosines, nearest, axis=1), np.take_along_axis(others, nearest, axis=1)


def _empty_index(descriptors: Rows[np.float16], exact_count: int) -> faiss.IndexIVFScalarQuantizer:
    """An index by inner product, which has learnt from (n, ...) descriptors and holds none."""
    count, length = len(descriptors), descriptors[:1].size
    exact = count <= exact_count
    cells = 1 if exact else round(CELLS_PER_ROOT * np.sqrt(count))
    kind = faiss.ScalarQuantizer.QT_fp16 if exact else faiss.ScalarQuantizer.QT_8bit
    metric = faiss.METRIC_INNER_PRODUCT
    whole = False  # vectors are kept whole, not as differences from the middle of their cell
    quantizer = faiss.IndexFlatIP(length)
    quantizer.add(_middles_of_cells(descriptors, cells))
    index = faiss.IndexIVFScalarQuantizer(quantizer, length, cells, kind, metric, whole)
    index.train(_vectors(descriptors[:: max(1, count // RANGE_SAMPLE)]))  # the range of the values
    return index


def _fill(index: faiss.IndexIVFScalarQuantizer, descriptors: Rows[np.float16], positions: range) -> None:
    for start in positions[::CHUNK]:
        index.add(_vectors(descriptors[start : min(start + CHUNK, positions.stop)]))


def _middles_of_cells(descriptors: Rows[np.float16], cells: int) -> NDArray[np.float32]:
    """(cells, length), norm 1: by k-means over a fixed stride of (n, ...) descriptors, read a chunk at a time.

    That of faiss would need all of them in memory.
    """
    learnt_from = np.arange(0, len(descriptors), max(1, len(descriptors) // (TRAINING_PER_CELL * cells)))
    spread = np.linspace(0, len(descriptors), cells, endpoint=False).astype(np.intp)
    middles = _vectors(descriptors[spread])
    for _ in range(TRAINING_ROUNDS if cells > 1 else 0):
        sums = np.zeros_like(middles)
        quantizer = faiss.IndexFlatIP(middles.shape[1])
        quantizer.add(middles)
        for start in range(0, len(learnt_from), CHUNK):
            vectors = _vectors(descriptors[learnt_from[start : start + CHUNK]])
            _, nearest = quantizer.search(vectors, 1)
            ones, rows = np.ones(len(vectors), np.float32), np.arange(len(vectors))
            sums += coo_array((ones, (nearest[:, 0], rows)), shape=(cells, len(vectors))) @ vectors
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        middles = np.where(norms > 0, sums / np.maximum(norms, 1e-6), middles)  # a cell without members stays
    return middles


def _vectors(descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.ascontiguousarray(descriptors.reshape(len(descriptors), -1), np.float32)
