"""Proposes pairs of images that may be near-duplicates, by nearest neighbours of their descriptors.

Two indexes: one of coarse maps, asked for each image in all eight symmetries of the square, which tolerates
crops; one of descriptors that no rotation and no mirroring changes, asked once. Both are inverted files
(faiss, 8 bits a value) with a number of cells that grows with the square root of the images.
"""

from collections.abc import Callable, Sequence
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.descriptors import (
    CHUNK,
    INVARIANTS_LENGTH,
    Descriptions,
    angular_spectra,
    invariants,
    scaled,
)
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


def propose_layouts(descriptions: Descriptions, exact_count: int = EXACT_COUNT) -> NDArray[np.int32]:
    """Pairs of images that may show the same but for a symmetry of the square and a crop.

    Args:
        exact_count: up to so many images one cell holds all, and the search is exact.

    Returns:
        (pairs, 2): positions, the smaller one first, sorted, without repetition.
    """
    return _neighbours(descriptions.coarse, _in_all_symmetries, LEAST_COARSE, LAYOUT_PROBES, exact_count)


def propose_turns(descriptions: Descriptions, exact_count: int = EXACT_COUNT) -> NDArray[np.int32]:
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
) -> NDArray[np.int32]:
    """Pairs of an image and one of its NEIGHBOURS nearest in any variant, with a cosine of at least `least`.

    Returns:
        (pairs, 2), the smaller position first, sorted, without repetition.
    """
    index = _index(descriptors, exact_count)
    index.nprobe = probes
    count = min(NEIGHBOURS + 1, len(descriptors))  # an image also finds itself
    keys = [np.empty(0, np.int64)]  # of pairs: a number each, which takes a quarter of the memory to sort
    for start in range(0, len(descriptors), CHUNK):
        chunk = descriptors[start : start + CHUNK]
        found = [index.search(_vectors(variant), count) for variant in variants(chunk)]
        cosines, others = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        near_enough = np.take_along_axis(cosines, nearest, axis=1) >= least
        others = np.take_along_axis(others, nearest, axis=1)[near_enough]
        ones = start + np.nonzero(near_enough)[0]
        keys.append(np.minimum(ones, others) * len(descriptors) + np.maximum(ones, others))
    pairs = np.stack(np.divmod(np.unique(np.concatenate(keys)), max(len(descriptors), 1)), axis=1, dtype=np.int32)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _index(descriptors: Rows[np.float16], exact_count: int) -> faiss.IndexIVFScalarQuantizer:
    """An index of (n, ...) descriptors by inner product. Training is seeded by faiss and sees a fixed stride."""
    count, length = len(descriptors), descriptors[:1].size
    exact = count <= exact_count
    cells = 1 if exact else round(CELLS_PER_ROOT * np.sqrt(count))
    kind = faiss.ScalarQuantizer.QT_fp16 if exact else faiss.ScalarQuantizer.QT_8bit
    metric = faiss.METRIC_INNER_PRODUCT
    whole = False  # vectors are kept whole, not as differences from the middle of their cell
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(length), length, cells, kind, metric, whole)
    index.cp.min_points_per_centroid = 1  # no warning: faiss would like 39 images for each cell
    index.cp.niter = TRAINING_ROUNDS
    stride = max(1, count // (TRAINING_PER_CELL * cells))
    index.train(_vectors(descriptors[::stride]))
    for start in range(0, count, CHUNK):
        index.add(_vectors(descriptors[start : start + CHUNK]))
    return index


def _vectors(descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
    return np.ascontiguousarray(descriptors.reshape(len(descriptors), -1), np.float32)
