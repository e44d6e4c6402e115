"""Groups of images that pairs connect."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group_by_pairs(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Connected components: for each of `count` images the index of the first member of its group."""
    edges = np.array(list(pairs), np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), np.uint8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, components = connected_components(graph, directed=False)
    first: dict[int, int] = {}
    return [first.setdefault(component, index) for index, component in enumerate(components.tolist())]
