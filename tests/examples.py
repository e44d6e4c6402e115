"""Ingested examples on disk, and the pictures of a page."""

import base64
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from schema import contract
from schema.images.formats import encode_png


def write_examples(folder: Path, *rows: tuple[str, str, NDArray[np.generic]]) -> list[str]:
    """Ingested examples of source, label and pixels; returns the patterns of their files."""
    folder.mkdir(parents=True)
    for number, (source, label, pixels) in enumerate(rows):
        features = {
            contract.SOURCE: source.encode(),
            contract.LABEL: label.encode(),
            contract.IMAGE_ENCODED: encode_png(pixels),  # type: ignore[arg-type]
        }
        example = tf.train.Example(
            features=tf.train.Features(
                feature={
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                    for name, value in features.items()
                }
            )
        )
        with tf.io.TFRecordWriter(str(folder / f"images-{number}")) as writer:
            writer.write(example.SerializeToString())
    return [f"{folder}/*"]


def decoded(uri: str) -> NDArray[np.uint8]:
    """The pixels of a picture that stands in a page."""
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
