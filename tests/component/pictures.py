"""Made-up pictures that look like something: smooth textures of which no two are alike, and films on black."""

import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

HEIGHT: Final = 96
WIDTH: Final = 128
MEAN, CONTRAST = 0.45, 0.13  # of the full range

Picture = NDArray[np.uint8]


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, mean: float = MEAN) -> Picture:
    """Smooth spots of several sizes, of one mean and contrast."""
    return to_uint8(_texture(seed, height, width, mean))


def deep_texture(seed: int, highest: int) -> NDArray[np.uint16]:
    """A texture whose brightest pixel has the value `highest`."""
    values = _texture(seed, HEIGHT, WIDTH, MEAN)
    return np.round(highest * (values - values.min()) / np.ptp(values)).astype(np.uint16)


def smooth_deep(seed: int, highest: int) -> NDArray[np.uint16]:
    """A picture of large, faint shades, as at the full resolution of a film, with the values 0 to `highest`."""
    noise = np.random.default_rng(seed).standard_normal((256, 256))
    values = ndimage.gaussian_filter(noise, 40)
    return np.round(highest * (values - values.min()) / np.ptp(values)).astype(np.uint16)


def film(seed: int) -> Picture:
    """A textured half ellipse on black, as a breast on a film; its edge is soft, and its form drawn."""
    down, across, middle = np.random.default_rng(seed).uniform((0.25, 0.45, 0.42), (0.36, 0.7, 0.58))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot((rows - middle * HEIGHT) / (down * HEIGHT), columns / (across * WIDTH))
    inside = np.clip((1.1 - distance) / 0.2, 0, 1)
    return to_uint8(inside * _texture(seed, HEIGHT, WIDTH, MEAN) + 0.01)


def turned(picture: Picture, degrees: float) -> Picture:
    """Rotated about its middle within its frame; black where nothing was."""
    return np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR))


def rescaled(picture: Picture, scale: float) -> Picture:
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def compressed(picture: Picture, quality: int) -> bytes:
    """A JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def to_uint8(shares: NDArray[Any]) -> Picture:
    return np.round(255 * np.clip(shares, 0, 1)).astype(np.uint8)


def _texture(seed: int, height: int, width: int, mean: float) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    spots = np.zeros((height, width))
    for size in (2.5, 5.0, 12.0):
        layer = ndimage.gaussian_filter(generator.standard_normal((height, width)), size)
        spots += layer / layer.std()
    noise = generator.normal(0, 0.01, (height, width))
    return np.clip(mean + CONTRAST * (spots - spots.mean()) / spots.std() + noise, 0, 1)
