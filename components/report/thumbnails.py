"""Small pictures of ingested images, for a page that holds them."""

import base64
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import tensorflow as tf
from PIL import Image

from components.report.content import SampleImage
from schema import contract
from schema.images.formats import read_image

LONGER_SIDE: Final = 128
SAMPLES_OF_A_CLASS: Final = 6


def read_thumbnails(patterns: Sequence[str], sources: Collection[str]) -> dict[str, str]:
    """By source, thumbnails of ingested images as data URIs; those that are in no file are left out.

    Args:
        patterns: of TFRecord files of examples.
    """
    missing, found = set(sources), dict[str, str]()
    records = _records(patterns) if missing else iter(())
    for features in records:
        source = _text(features, contract.SOURCE)
        if source in missing:
            missing.remove(source)
            found[source] = data_uri(_image(features))
        if not missing:
            break
    return found


def sample_images(patterns: Sequence[str], labels: Sequence[str]) -> list[SampleImage]:
    """The first images of each class, by class in label order. Ingestion has put the images in a random order."""
    samples: dict[str, list[SampleImage]] = {label: [] for label in labels}
    for features in _records(patterns):
        label = _text(features, contract.LABEL)
        if len(samples.get(label, ())) < SAMPLES_OF_A_CLASS and label in samples:
            sample = SampleImage(
                source=_text(features, contract.SOURCE), label=label, picture=data_uri(_image(features))
            )
            samples[label].append(sample)
        if all(len(found) == SAMPLES_OF_A_CLASS for found in samples.values()):
            break
    return [sample for found in samples.values() for sample in found]


def data_uri(png: bytes) -> str:
    """A thumbnail of 8 bits a channel; an image that is small already keeps its pixels."""
    pixels = read_image(png).pixels
    if pixels.dtype != np.uint8:
        pixels = (pixels >> 8).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.thumbnail((LONGER_SIDE, LONGER_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _records(patterns: Sequence[str]) -> Iterator[Mapping[str, tf.train.Feature]]:
    """The features of each example."""
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator() if files else ():
        yield tf.train.Example.FromString(record).features.feature


def _text(features: Mapping[str, tf.train.Feature], name: str) -> str:
    values = features[name].bytes_list.value if name in features else ()
    return values[0].decode() if values else ""


def _image(features: Mapping[str, tf.train.Feature]) -> bytes:
    png: bytes = features[contract.IMAGE_ENCODED].bytes_list.value[0]
    return png
