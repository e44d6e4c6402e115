"""The nearest neighbours of descriptors, in the cells that they look into.

All images that look into a cell are held against all that belong to it at once, by a product of two matrices: many
times faster than an index that goes through its cells for one image after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from components.near_duplicates.cells import NOWHERE, Cells, vectors_of
from components.near_duplicates.descriptors import CHUNK
from components.near_duplicates.disk_rows import DiskRows, Rows
from components.near_duplicates.threads import in_threads

ASKING: Final = 4096  # images at a time that look into cells: many for each cell, and not much memory
PRODUCT: Final = 1 << 20  # cosines at a time
KEPT: Final = 64  # neighbours of each of them, on average, before all but the nearest go


@dataclass(frozen=True)
class _Found:
    """Neighbours.

    Attributes: asked: (n,) whose; others: (n,) which, positions; cosines: (n,).
    """

    asked: NDArray[np.intp]
    others: NDArray[np.int64]
    cosines: NDArray[np.float32]


class _Nearest:
    """The nearest that some images have found so far.

    Attributes: bars: (images,) cosines, below which nothing that is found can be among the nearest of an image.
    """

    def __init__(self, images: int, least: float, count: int) -> None:
        self.bars = np.full(images, least, np.float32)
        self._count = count
        self._found = [_Found(np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0, np.float32))]
        self._kept = 0

    def add(self, found: _Found) -> None:
        self._found.append(found)
        self._kept += len(found.asked)
        if self._kept > KEPT * len(self.bars):
            self._found, self._kept = [self.nearest()], 0

    def nearest(self) -> _Found:
        """At most `count` of each image; raises the bars."""
        asked, others, cosines = (
            np.concatenate([getattr(part, name) for part in self._found]) for name in ("asked", "others", "cosines")
        )
        order = np.argsort(asked - cosines / 2.0, kind="stable")  # by image, the highest cosine of each first
        asked, others, cosines = asked[order], others[order], cosines[order]
        ranks = np.arange(len(asked)) - np.searchsorted(asked, asked)
        last = ranks == self._count - 1
        self.bars[asked[last]] = cosines[last]
        near = ranks < self._count
        return _Found(asked[near], others[near], cosines[near])


@dataclass(frozen=True)
class _Members:
    """The images that belong to each cell.

    Attributes:
        positions: (n,) of the images, those of a cell one after the other.
        vectors: (n, length) float16, of these, in the variants that belong there.
        starts: (cells + 1,) where those of each cell begin.
    """

    positions: NDArray[np.int64]
    vectors: Rows[np.float16]
    starts: NDArray[np.int64]

    def of_cell(self, cell: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and vectors."""
        of_cell = slice(*self.starts[cell : cell + 2].tolist())
        return self.positions[of_cell], self.vectors[of_cell].astype(np.float32)


@dataclass(frozen=True)
class _Looks:
    """Who looks into which cell.

    Attributes: cells: (n,), in order; asked: (n,) rows of images, in order within a cell; variants: (n,), of these.
    """

    cells: NDArray[np.int64]
    asked: NDArray[np.intp]
    variants: NDArray[np.int64]

    @classmethod
    def at(cls, places: NDArray[np.int32], cells: int) -> "_Looks":
        """Args: places: (images, looks) of `Cells.nearest`; cells: how many there are."""
        asked, columns = np.nonzero(places != NOWHERE)
        variants, looked_into = np.divmod(places[asked, columns].astype(np.int64), cells)
        order = np.argsort(looked_into, kind="stable")
        return cls(looked_into[order], asked[order], variants[order])

    def parts(self, members: NDArray[np.int64]) -> "Iterator[_Looks]":
        """Of one cell each, with all the looks of an image into it. Args: members: (cells,) how many each has."""
        starts = np.flatnonzero(_changes(self.cells))
        for start, stop in pairwise([*starts.tolist(), len(self.cells)]):
            images = start + np.flatnonzero(_changes(self.asked[start:stop]))
            cosines = (stop - start) * int(members[self.cells[start]])
            step = max(1, len(images) * PRODUCT // max(1, cosines))
            for first, last in pairwise([*images[::step].tolist(), stop]):
                part = slice(first, last)
                yield _Looks(self.cells[part], self.asked[part], self.variants[part])


def nearest_pairs(
    descriptors: Rows[np.float16], places: Rows[np.int32], cells: Cells, least: float, count: int
) -> Iterator[NDArray[np.int64]]:
    """Pairs of an image and one of the `count` others that are nearest to it, in any variant.

    Args:
        descriptors: (n, ...), norm 1.
        places: (n, looks) of `Cells.nearest`, the one that an image belongs to first.
        least: cosine of a pair.

    Returns:
        (pairs, 2) each, the smaller position first, with repetitions, and with pairs of an image and itself.
    """
    members = _members(descriptors, places, cells)

    def of_some(start: int) -> NDArray[np.int64]:
        some = slice(start, start + ASKING)
        variants = np.stack([vectors_of(variant) for variant in cells.variants(descriptors[some])])
        nearest = _Nearest(variants.shape[1], least, count + 1)  # an image also finds itself
        for looks in _Looks.at(places[some], len(cells.middles)).parts(np.diff(members.starts)):
            nearest.add(_find(variants, looks, members, nearest.bars))
        found = nearest.nearest()
        return np.sort(np.stack([start + found.asked, found.others], axis=1), axis=1)

    with threadpool_limits(1, user_api="blas"):  # in each of as many threads as there are processors
        yield from in_threads(of_some, range(0, len(descriptors), ASKING))


def _members(descriptors: Rows[np.float16], places: Rows[np.int32], cells: Cells) -> _Members:
    count, length = cells.middles.shape
    own = np.concatenate([places[start : start + CHUNK][:, 0] for start in range(0, len(places), CHUNK)])
    order = np.argsort(own % count, kind="stable")
    vectors = DiskRows((length,), np.float16)
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        vectors.append(cells.placed(descriptors[rows], own[rows]).astype(np.float16))
    return _Members(order, vectors, np.searchsorted(own[order] % count, np.arange(count + 1)))


def _find(variants: NDArray[np.float32], looks: _Looks, members: _Members, bars: NDArray[np.float32]) -> _Found:
    """What is in a cell and not below the bars.

    Args:
        variants: (variants, images, length).
        looks: into one cell.
        bars: (images,).
    """
    positions, vectors = members.of_cell(int(looks.cells[0]))
    cosines, asked = variants[looks.variants, looks.asked] @ vectors.T, looks.asked
    firsts = np.flatnonzero(_changes(asked))
    if len(firsts) < len(asked):
        # What is alike in several variants counts once, by the one in which it is most alike.
        cosines, asked = np.maximum.reduceat(cosines, firsts, axis=0), asked[firsts]
    rows, columns = np.divmod(np.flatnonzero(cosines >= bars[asked, None]), len(positions))
    return _Found(asked[rows], positions[columns], cosines[rows, columns])


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,): where a value, of at least 0, is another than the one before."""
    return np.diff(values, prepend=-1) != 0
