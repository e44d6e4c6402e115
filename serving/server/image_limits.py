"""Images of a request, looked at before they are decoded."""

import io
import warnings
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from PIL import Image
from tensorflow.core.example.example_pb2 import Example

from schema import contract
from serving.server.errors import invalid_argument
from serving.server.settings import Limits

_FORMATS: Final = ("PNG", "JPEG", "BMP", "GIF")  # what TensorFlow decodes


def check_images(inputs: Mapping[str, NDArray[np.generic]], limits: Limits) -> int:
    """The pixels of all images together, by their headers.

    Raises RequestError for too many images, too many pixels, or what no decoder would read.

    Images are sought in the inputs that this project's models have; other inputs are passed.
    """
    images = [*_encoded(inputs.get(contract.IMAGE_BYTES_INPUT)), *_encoded(inputs.get(contract.EXAMPLES_INPUT))]
    if len(images) > limits.images:
        raise invalid_argument(f"The request has {len(images)} images, more than the limit of {limits.images}.")
    if contract.EXAMPLES_INPUT in inputs:
        images = [_image_of_example(serialized) for serialized in images]
    pixels = sum(_pixels(number, image) for number, image in enumerate(images))
    if pixels > limits.pixels:
        raise invalid_argument(
            f"The images of the request have {pixels} pixels together, more than the limit of {limits.pixels}."
        )
    return pixels


def _encoded(array: NDArray[np.generic] | None) -> Iterable[bytes]:
    return [] if array is None or array.dtype != object else array.ravel().tolist()


def _image_of_example(serialized: bytes) -> bytes:
    try:
        values = Example.FromString(serialized).features.feature[contract.IMAGE_ENCODED].bytes_list.value
    except DecodeError as error:
        raise invalid_argument("Could not parse example input: it is no serialized tf.Example.") from error
    if len(values) != 1:
        raise invalid_argument(f"An example has {len(values)} values in {contract.IMAGE_ENCODED}; one is expected.")
    return bytes(values[0])


def _pixels(number: int, encoded: bytes) -> int:
    """Of one image, by its header."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            return image.width * image.height
    except Image.DecompressionBombError as error:
        raise invalid_argument(f"Image {number} has more pixels than any limit.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise invalid_argument(f"Image {number} is not a PNG, JPEG, BMP or GIF image.") from error
