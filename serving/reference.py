"""Reference predictions: synthetic images and the trainer's own answers, published beside each model.

Whoever loads the model can ask it for the same images and compare. No patient's image is among them.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema.images.formats import encode_png

_SIZES: Final = ((64, 64), (48, 96), (160, 120), (33, 57))  # height, width: none is the network's own
_SEED: Final = 20240229


@dataclass(frozen=True)
class ReferencePredictions:
    """Attributes:
    images: encoded images.
    probabilities: float32 (images, classes), the answers of the network before it was exported.
    threshold: the operating point.
    """

    images: tuple[bytes, ...]
    probabilities: NDArray[np.float32]
    threshold: float

    def to_json(self) -> str:
        return json.dumps(
            {
                "images": [base64.b64encode(image).decode() for image in self.images],
                "probabilities": self.probabilities.tolist(),
                "threshold": self.threshold,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "ReferencePredictions":
        """The reverse of `to_json`. Raises ValueError or KeyError for anything else."""
        values = json.loads(text)
        try:
            return cls(
                images=tuple(base64.b64decode(image, validate=True) for image in values["images"]),
                probabilities=np.asarray(values["probabilities"], np.float32),
                threshold=float(values["threshold"]),
            )
        except (TypeError, OverflowError) as error:
            raise ValueError(f"a value is of another type or size than expected: {error}") from error


def reference_images() -> tuple[bytes, ...]:
    """Speckled gradients with a dark ellipse, as PNG; always the same."""
    generator = np.random.default_rng(_SEED)
    return tuple(encode_png(_phantom(generator, height, width)) for height, width in _SIZES)


def _phantom(generator: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    depth = 200.0 - 120.0 * rows / height
    inside = ((rows - height / 2) / (height / 4)) ** 2 + ((columns - width / 2) / (width / 4)) ** 2 < 1.0
    speckle = generator.rayleigh(0.6, (height, width))
    return np.clip(np.where(inside, 0.4 * depth, depth) * speckle, 0, 255).astype(np.uint8)
