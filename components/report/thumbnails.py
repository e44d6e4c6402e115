"""Small pictures of ingested images, for a page that holds them."""

from collections.abc import Sequence
from typing import Final

from components.example_files import read_pictures
from components.report.content import SampleImage
from schema.images.formats import read_image
from schema.images.thumbnails import png_data_uri, shrink, to_png

LONGER_SIDE: Final = 128
SAMPLES_OF_A_CLASS: Final = 6


def sample_images(patterns: Sequence[str], labels: Sequence[str]) -> list[SampleImage]:
    """The first images of each class, by class in label order. Ingestion has put the images in a random order.

    Args:
        patterns: of TFRecord files of examples.
    """
    samples: dict[str, list[SampleImage]] = {label: [] for label in labels}
    for picture in read_pictures(patterns):
        found = samples.get(picture.label)
        if found is not None and len(found) < SAMPLES_OF_A_CLASS:
            found.append(SampleImage(source=picture.source, label=picture.label, picture=thumbnail_uri(picture.png)))
        if all(len(found) == SAMPLES_OF_A_CLASS for found in samples.values()):
            break
    return [sample for found in samples.values() for sample in found]


def thumbnail_uri(png: bytes) -> str:
    """A thumbnail of 8 bits a channel; an image that is small already keeps its pixels."""
    return png_data_uri(to_png(shrink(read_image(png).pixels, LONGER_SIDE)))
