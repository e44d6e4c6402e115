"""Groups of images: those that pairs connect, and those that are equal."""

import hashlib
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DIGEST_BYTES: Final = 16  # no two of any number of texts will ever have the same digest by chance


def group_by_pairs(count: int, pairs: ArrayLike) -> NDArray[np.intp]:
    """Connected components.

    Args:
        count: number of images.
        pairs: (n, 2), of images by number.

    Returns:
        (count,): for each image the first member of its group.
    """
    edges = np.asarray(pairs, np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), np.uint8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, components = connected_components(graph, directed=False)
    _, firsts = np.unique(components, return_index=True)
    return firsts[components]


def first_of_equal(texts: Iterable[str]) -> NDArray[np.intp]:
    """For each of n texts, (n,), the number of the first one that equals it; an empty text equals no other."""
    digests = np.fromiter((_digest(text) for text in texts), f"S{DIGEST_BYTES}")
    _, firsts, places = np.unique(digests, return_index=True, return_inverse=True)
    return np.where(digests == b"", np.arange(len(digests)), firsts[places])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES] if text else b""
