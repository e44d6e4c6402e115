"""Thumbnails under heat maps, for a page that holds them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.report.thumbnails import LONGER_SIDE
from schema.images.formats import read_image
from schema.images.overlays import lay_over
from schema.images.thumbnails import png_data_uri, shrink, to_png

MOST_OPAQUE: Final = 0.75  # at the peak of the map


def overlay_uri(png: bytes, heat_map: NDArray[np.floating]) -> str:
    """A thumbnail of the image under the map, as a data URI.

    Args:
        heat_map: (rows, columns) in [0, 1], over the whole image.
    """
    picture = shrink(read_image(png).pixels, LONGER_SIDE)
    return png_data_uri(to_png(lay_over(picture, heat_map, MOST_OPAQUE)))
