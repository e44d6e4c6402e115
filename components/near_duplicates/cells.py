"""Cells of descriptors: where a descriptor belongs, and where those like it may be.

A descriptor is put into a cell as that of its variants, such as the symmetries of the square, which is nearest to
the middle of a cell. So two images that are variants of each other come into one cell as the same vector, and a
search looks into the nearest cells of all variants together, not into those of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from components.near_duplicates.descriptors import CHUNK
from components.near_duplicates.disk_rows import Rows

TRAINING_PER_CELL: Final = 48  # images that the cells are learnt from
TRAINING_ROUNDS: Final = 5  # of k-means; ten move hardly a neighbour

NOWHERE: Final = -1

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
        cosines = self._cosines(descriptors)
        found = np.full((len(descriptors), count), NOWHERE, np.int32)
        some = min(count, cosines.shape[1])
        nearest = np.argpartition(cosines, -some, axis=1)[:, -some:]
        order = np.argsort(-np.take_along_axis(cosines, nearest, axis=1), axis=1, kind="stable")
        found[:, :some] = np.take_along_axis(nearest, order, axis=1)
        return found

    def own(self, descriptors: NDArray[np.float16]) -> NDArray[np.int32]:
        """(n,): the nearest place of each of (n, ...) descriptors."""
        return self._cosines(descriptors).argmax(axis=1).astype(np.int32)

    def _cosines(self, descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
        """(n, variants * cells): with the middles."""
        variants = np.stack([vectors_of(variant) for variant in self.variants(descriptors)], axis=1)
        # As two matrices: numpy multiplies a stack of them one by one.
        cosines = variants.reshape(-1, self.middles.shape[1]) @ self.middles.T
        return np.asarray(cosines.reshape(len(descriptors), -1), np.float32)

    def placed(self, descriptors: NDArray[np.float16], places: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, length): (n, ...) descriptors in the variants of these places, (n,)."""
        variants = np.stack([vectors_of(variant) for variant in self.variants(descriptors)])
        return variants[places // len(self.middles), np.arange(len(descriptors))]


def learn_cells(descriptors: Rows[np.float16], count: int, variants: Variants) -> Cells:
    """By k-means over a fixed stride of (n, ...) descriptors, read a chunk at a time."""
    learnt_from = np.arange(0, len(descriptors), max(1, len(descriptors) // (TRAINING_PER_CELL * count)))
    spread = np.linspace(0, len(descriptors), count, endpoint=False).astype(np.intp)
    cells = Cells(vectors_of(descriptors[spread]), variants)
    for _ in range(TRAINING_ROUNDS if count > 1 else 0):
        sums = np.zeros_like(cells.middles)
        for start in range(0, len(learnt_from), CHUNK):
            chunk = descriptors[learnt_from[start : start + CHUNK]]
            places = cells.own(chunk)
            sums += _sums(cells.placed(chunk, places), places % count, count)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        # A cell without members stays.
        cells = Cells(np.where(norms > 0, sums / np.maximum(norms, 1e-6), cells.middles), variants)
    return cells


def vectors_of(descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
    """(n, ...) -> (n, length)."""
    return np.ascontiguousarray(descriptors.reshape(len(descriptors), -1), np.float32)


def _sums(vectors: NDArray[np.float32], cells: NDArray[np.int32], count: int) -> NDArray[np.float32]:
    """(count, length): the sum of the (n, length) vectors of each cell, (n,)."""
    ones, rows = np.ones(len(vectors), np.float32), np.arange(len(vectors))
    return np.asarray(coo_array((ones, (cells, rows)), shape=(count, len(vectors))) @ vectors)
