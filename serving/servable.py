"""Loads a model of this project and asks it, the way TensorFlow Serving does: through a session."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from schema import contract
from serving.saved_model import MODEL_FIX, SessionModel, UnusableModelError, first_line


@dataclass(frozen=True)
class Predictions:
    """Answers for a batch.

    Attributes:
        probabilities: float32 (batch, classes), in label order.
        labels: class names at the operating point, (batch,).
        malignant_probability: float32 (batch,), of the positive class.
        threshold: the operating point.
    """

    probabilities: NDArray[np.float32]
    labels: tuple[str, ...]
    malignant_probability: NDArray[np.float32]
    threshold: float


@dataclass(frozen=True)
class Explanations:
    """Answers for a batch, with what speaks for the positive class.

    Attributes:
        predictions: as `predict_images` gives them.
        heat_maps: float32 (batch, HEAT_MAP_SIDE, HEAT_MAP_SIDE) in [0, 1], each over the whole image.
    """

    predictions: Predictions
    heat_maps: NDArray[np.float32]


class Answering(ABC):
    """A model that can be asked, wherever it is loaded."""

    @abstractmethod
    def run(self, signature: str, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Asks a signature. Raises UnusableModelError where the model lacks it or cannot answer."""

    def predict_images(self, images: Sequence[bytes]) -> Predictions:
        """Asks `serving_image` for encoded images. Raises as `run` does."""
        return _to_predictions(
            self.run(contract.SERVING_IMAGE, {contract.IMAGE_BYTES_INPUT: np.asarray(images, object)})
        )

    def explain_images(self, images: Sequence[bytes]) -> Explanations:
        """Asks `serving_explanation` for encoded images. Raises as `run` does."""
        answer = self.run(contract.SERVING_EXPLANATION, {contract.IMAGE_BYTES_INPUT: np.asarray(images, object)})
        return Explanations(_to_predictions(answer), np.asarray(answer[contract.HEAT_MAP], np.float32))

    def predict_examples(self, examples: Sequence[bytes]) -> Predictions:
        """Asks `serving_default` for serialized tf.Examples. Raises as `run` does."""
        return _to_predictions(
            self.run(contract.SERVING_DEFAULT, {contract.EXAMPLES_INPUT: np.asarray(examples, object)})
        )


class Servable(Answering):
    """One version of a model, loaded. Use as a context manager, or close it."""

    def __init__(self, directory: str) -> None:
        """Raises UnusableModelError where the folder holds no SavedModel that can be loaded."""
        self._model = SessionModel(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._model.close()

    def run(self, signature: str, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self.definition(signature)
        try:
            return self._model.run(signature, inputs)
        except tf.errors.OpError as error:
            raise UnusableModelError(
                f"The model in {self._model.directory} cannot answer {signature!r} ({type(error).__name__}:"
                f" {first_line(error)}).",
                fix=MODEL_FIX,
            ) from error

    @property
    def session(self) -> tf.compat.v1.Session:
        """That which holds the model, for tools that look into it."""
        return self._model.session

    def has_signature(self, signature: str) -> bool:
        return signature in self._model.signatures

    def definition(self, signature: str) -> SignatureDef:
        """Names the tensors of a signature. Raises UnusableModelError where the model lacks it."""
        if signature not in self._model.signatures:
            raise UnusableModelError(
                f"The model in {self._model.directory} has no signature {signature!r}; it has"
                f" {', '.join(sorted(self._model.signatures))}.",
                fix=MODEL_FIX,
            )
        return self._model.signatures[signature]


def _to_predictions(answer: Mapping[str, NDArray[np.generic]]) -> Predictions:
    return Predictions(
        probabilities=np.asarray(answer[contract.PROBABILITIES], np.float32),
        labels=tuple(bytes(label).decode() for label in answer[contract.PREDICTED_LABEL]),
        malignant_probability=np.asarray(answer[contract.MALIGNANT_PROBABILITY], np.float32),
        threshold=float(answer[contract.THRESHOLD][0]),
    )
