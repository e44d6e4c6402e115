"""Lesion masks at the size of heat maps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schema import contract
from schema.images.formats import Pixels, read_image


def read_masks(files: Sequence[bytes]) -> NDArray[np.bool_]:
    """The union of the masks of one image, stretched over it: (HEAT_MAP_SIDE, HEAT_MAP_SIDE).

    Raises UnreadableImageError for a file that is no image, and ValueError where there is none.
    """
    if not files:
        raise ValueError("there is no mask")
    return np.logical_or.reduce([_at_side(_marked(read_image(file).pixels)) for file in files])


def _marked(pixels: Pixels) -> NDArray[np.bool_]:
    """Brighter than half the range, in any channel: lossy compression leaves no pure black and white."""
    brightest = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    marked: NDArray[np.bool_] = brightest > np.iinfo(pixels.dtype).max // 2
    return marked


def _at_side(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The nearest pixel to the centre of each place of a heat map."""
    centres = (np.arange(contract.HEAT_MAP_SIDE) + 0.5) / contract.HEAT_MAP_SIDE
    rows, columns = ((centres * size).astype(np.intp) for size in marked.shape)
    return marked[np.ix_(rows, columns)]
