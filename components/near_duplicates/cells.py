"""The cells of an index: where a descriptor belongs, and where those like it may be.

A descriptor is put into a cell as that of its variants, such as the symmetries of the square, which is nearest to
the middle of a cell. So two images that are variants of each other come into one cell as the same vector, and a
search looks into the nearest cells of all variants together, not into those of each.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from components.near_duplicates.descriptors import CHUNK
from components.near_duplicates.disk_rows import Rows

TRAINING_PER_CELL: Final = 48  # images that the cells are learnt from
TRAINING_ROUNDS: Final = 5  # of k-means; ten move hardly a neighbour

NOWHERE: Final = -1

Nearest = tuple[NDArray[np.float32], NDArray[np.int64]]  # cosines, and of which image or cell, (n, found) each

# (n, ...) descriptors -> the same number of variants of each, (n, ...) each; the first is the descriptor itself.
Variants = Callable[[NDArray[np.float16]], Sequence[NDArray[np.float16]]]


@dataclass(frozen=True)
class Cells:
    """Attributes: middles: (cells, length) float32, norm 1; variants: of a descriptor that count as the same."""

    middles: NDArray[np.float32]
    variants: Variants

    def nearest(self, descriptors: NDArray[np.float16], count: int) -> NDArray[np.int32]:
        """The nearest places of (n, ...) descriptors.

        Returns:
            (n, count), the nearest first: variant * cells + cell; NOWHERE where there are no more.
        """
        quantizer = faiss.IndexFlatIP(self.middles.shape[1])
        quantizer.add(self.middles)
        found = []
        for number, variant in enumerate(self.variants(descriptors)):
            cosines, cells = quantizer.search(vectors_of(variant), count)
            found.append((cosines, np.where(cells == NOWHERE, NOWHERE, number * len(self.middles) + cells)))
        return highest(found, count)[1].astype(np.int32)

    def of_variant(self, places: NDArray[np.int32], variant: int) -> NDArray[np.int64]:
        """The cells of those of (n, count) places that are of one variant; NOWHERE behind the last.

        Returns:
            (n, at most count).
        """
        owners, cells = np.divmod(places, len(self.middles))
        found = -np.sort(-np.where(owners == variant, cells, NOWHERE).astype(np.int64))
        return np.ascontiguousarray(found[:, : len(self.middles)])  # faiss takes no more columns than cells

    def placed(self, descriptors: NDArray[np.float16], places: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, length): (n, ...) descriptors in the variants of these places, (n,)."""
        variants = np.stack([vectors_of(variant) for variant in self.variants(descriptors)])
        return variants[places // len(self.middles), np.arange(len(descriptors))]


def learn_cells(descriptors: Rows[np.float16], count: int, variants: Variants) -> Cells:
    """By k-means over a fixed stride of (n, ...) descriptors, read a chunk at a time.

    That of faiss would need all of them in memory.
    """
    learnt_from = np.arange(0, len(descriptors), max(1, len(descriptors) // (TRAINING_PER_CELL * count)))
    spread = np.linspace(0, len(descriptors), count, endpoint=False).astype(np.intp)
    cells = Cells(vectors_of(descriptors[spread]), variants)
    for _ in range(TRAINING_ROUNDS if count > 1 else 0):
        sums = np.zeros_like(cells.middles)
        for start in range(0, len(learnt_from), CHUNK):
            chunk = descriptors[learnt_from[start : start + CHUNK]]
            places = cells.nearest(chunk, 1)[:, 0]
            sums += _sums(cells.placed(chunk, places), places % count, count)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        # A cell without members stays.
        cells = Cells(np.where(norms > 0, sums / np.maximum(norms, 1e-6), cells.middles), variants)
    return cells


def highest(found: Iterable[Nearest], count: int) -> Nearest:
    """The `count` highest cosines of several searches, (n, ...) each, and whose they are."""
    cosines, others = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(cosines, order, axis=1), np.take_along_axis(others, order, axis=1)


def vectors_of(descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
    """(n, ...) -> (n, length), as faiss takes them."""
    return np.ascontiguousarray(descriptors.reshape(len(descriptors), -1), np.float32)


def _sums(vectors: NDArray[np.float32], cells: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """(count, length): the sum of the (n, length) vectors of each cell, (n,)."""
    ones, rows = np.ones(len(vectors), np.float32), np.arange(len(vectors))
    return np.asarray(coo_array((ones, (cells, rows)), shape=(count, len(vectors))) @ vectors)
