"""Images as the page shows them."""

from PIL import Image

from schema.images.overlays import lay_over
from schema.images.thumbnails import png_data_uri, to_png
from serving.app.asking import Answered


def picture_uri(answered: Answered, opacity: float) -> str:
    """The image under its heat map, as a data URI. Args: opacity: of the map at its peak, in [0, 1]."""
    return png_data_uri(to_png(draw(answered, opacity)))


def draw(answered: Answered, opacity: float) -> Image.Image:
    """The image under its heat map; the image as it is where the opacity is 0."""
    return lay_over(answered.picture, answered.explanation.heat_map, opacity) if opacity else answered.picture
