"""A heat map laid over its image."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import sample_colorscale

# Brightness rises evenly with the value, which those who do not tell colours apart can see too.
COLOURS: Final = "Inferno"


def lay_over(picture: Image.Image, heat_map: NDArray[np.floating], most_opaque: float) -> Image.Image:
    """The picture in RGB, with the map stretched over it.

    Args:
        picture: of 8 bits a channel, grey or RGB.
        heat_map: (rows, columns) in [0, 1].
        most_opaque: opacity in [0, 1] at a value of 1; nothing is laid over places where the map is 0.
    """
    heat = np.asarray(Image.fromarray(heat_map.astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR))
    opacity = most_opaque * heat[..., np.newaxis]
    blended = (1.0 - opacity) * np.asarray(picture.convert("RGB")) + opacity * _coloured(heat)
    return Image.fromarray(blended.round().astype(np.uint8))


def _coloured(heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 (rows, columns, 3) in [0, 255]."""
    scale = np.array(sample_colorscale(COLOURS, np.linspace(0.0, 1.0, 256).tolist(), colortype="tuple"))
    shades: NDArray[np.float64] = 255.0 * scale[(255.0 * heat).round().astype(np.intp)]
    return shades
