"""Sorted pairs of images on disk."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.disk_rows import DiskRows

PART_IMAGES: Final = 8192  # first images whose pairs are sorted at a time


def sorted_pairs(chunks: Iterable[NDArray[np.int64]], images: int) -> DiskRows[np.int32]:
    """Sorts pairs by their first image and then by their second; leaves out repetitions and pairs of one image.

    Args:
        chunks: (n, 2) each, in any order.
        images: number of images, above every image in a pair.

    Returns:
        (pairs, 2).
    """
    found = DiskRows((2,), np.int32)
    for part in _parts(chunks, images):
        # As one number each, pairs are sorted many times faster.
        pairs = np.stack(np.divmod(np.unique(part[:]), max(images, 1)), axis=1, dtype=np.int32)
        found.append(pairs[pairs[:, 0] != pairs[:, 1]])
    return found


def _parts(chunks: Iterable[NDArray[np.int64]], images: int) -> Iterator[DiskRows[np.int64]]:
    """The pairs of some first images at a time, (n,), each as first * images + second."""
    parts = [DiskRows((), np.int64) for _ in range(0, images, PART_IMAGES)]
    for pairs in chunks:
        places = pairs[:, 0] // PART_IMAGES
        for place in np.unique(places).tolist():
            of_part = pairs[places == place]
            parts[place].append(of_part[:, 0] * images + of_part[:, 1])
    yield from parts
