"""Small pictures of images, for pages."""

import base64
import io

import numpy as np
from PIL import Image

from schema.images.formats import Pixels


def to_8_bits(pixels: Pixels) -> Pixels:
    """uint8, the upper bits of deeper pixels."""
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def shrink(pixels: Pixels, longer_side: int) -> Image.Image:
    """At most `longer_side` pixels wide and high, of 8 bits a channel; a small image keeps its pixels."""
    image = Image.fromarray(to_8_bits(pixels))
    image.thumbnail((longer_side, longer_side))
    return image


def to_png(image: Image.Image) -> bytes:
    """A small file, without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def png_data_uri(png: bytes) -> str:
    """For the `src` of an `<img>` of a page that loads nothing."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
