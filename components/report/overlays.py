"""A heat map laid over its image."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import sample_colorscale

from components.report.thumbnails import LONGER_SIDE
from schema.images.formats import read_image
from schema.images.thumbnails import png_data_uri, shrink, to_png

# Brightness rises evenly with the value, which those who do not tell colours apart can see too.
COLOURS: Final = "Inferno"
MOST_OPAQUE: Final = 0.75  # at the peak of the map; nothing is laid over places where the map is 0


def overlay_uri(png: bytes, heat_map: NDArray[np.floating]) -> str:
    """A thumbnail of the image under the map, as a data URI.

    Args:
        heat_map: (rows, columns) in [0, 1], over the whole image.
    """
    picture = shrink(read_image(png).pixels, LONGER_SIDE).convert("RGB")
    heat = np.asarray(Image.fromarray(heat_map.astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR))
    opacity = MOST_OPAQUE * heat[..., np.newaxis]
    blended = (1.0 - opacity) * np.asarray(picture) + opacity * _coloured(heat)
    return png_data_uri(to_png(Image.fromarray(blended.round().astype(np.uint8))))


def _coloured(heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 (rows, columns, 3) in [0, 255]."""
    scale = np.array(sample_colorscale(COLOURS, np.linspace(0.0, 1.0, 256).tolist(), colortype="tuple"))
    shades: NDArray[np.float64] = 255.0 * scale[(255.0 * heat).round().astype(np.intp)]
    return shades
