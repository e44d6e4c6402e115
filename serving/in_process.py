"""Asks a model without a server, and answers as the client does."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from schema import contract
from serving.client.answers import Prediction
from serving.client.reading import Array, Origin, to_predictions
from serving.extras import read_description
from serving.servable import Servable


class InProcessModel:
    """A version of a model, loaded into this process. Use as a context manager, or close it."""

    def __init__(self, directory: Path) -> None:
        """Args:
        directory: of the version; its number is the folder's name, and 0 where that is none.

        Raises UnusableModelError where it holds no model of this project.
        """
        self._name = read_description(str(directory)).name
        self._version = int(directory.name) if directory.name.isascii() and directory.name.isdigit() else 0
        self._servable = Servable(str(directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servable.close()

    def predict(self, images: Sequence[bytes]) -> list[Prediction]:
        """One prediction for each encoded image.

        Raises UnusableModelError where the model cannot answer, ForeignModelError where it answers something else.
        """
        started = time.perf_counter()
        outputs = self._servable.run(contract.SERVING_IMAGE, {contract.IMAGE_BYTES_INPUT: np.array(images, object)})
        origin = Origin(self._name, self._version, time.perf_counter() - started)
        return to_predictions({name: _text(values) for name, values in outputs.items()}, len(images), origin)


def _text(values: Array) -> Array:
    """Strings as text, and other values as they are."""
    if values.dtype != object:
        return values
    return np.array([bytes(value).decode() for value in values.reshape(-1)], object).reshape(values.shape)
