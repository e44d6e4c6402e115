"""What was exported beside a SavedModel's graph."""

import os
from dataclasses import dataclass

import tensorflow as tf
from pydantic import BaseModel, ConfigDict, ValidationError

from schema import contract
from serving.saved_model import MODEL_FIX, UnusableModelError


@dataclass(frozen=True)
class Classes:
    """What a model tells apart, in the order of its outputs."""

    labels: tuple[str, ...]
    positive_label: str


class ModelDescription(BaseModel):
    """Attributes:
    name: under which the model is served.
    labels: its classes, in the order of its outputs; positive_label: one of them.
    threshold: the operating point, a probability of the positive class.
    temperature: by which the network's logits are divided.
    image_size: height and width of the network's input; channels: of it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    labels: tuple[str, ...]
    positive_label: str
    threshold: float
    temperature: float = 1.0
    image_size: tuple[int, int]
    channels: int

    @property
    def classes(self) -> Classes:
        return Classes(self.labels, self.positive_label)


def read_description(directory: str) -> ModelDescription:
    """Args: directory: of the SavedModel. Raises UnusableModelError where it has none, or a damaged one."""
    try:
        return ModelDescription.model_validate_json(read_extra(directory, contract.MODEL_DESCRIPTION_FILE))
    except ValidationError as error:
        raise UnusableModelError(
            f"The description of the model is damaged: {extra_path(directory, contract.MODEL_DESCRIPTION_FILE)}.",
            fix=MODEL_FIX,
            reasons=[f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()],
        ) from error


def read_extra(directory: str, name: str) -> str:
    """A file beside the graph. Raises UnusableModelError where there is none."""
    path = extra_path(directory, name)
    try:
        with tf.io.gfile.GFile(path) as file:
            text: str = file.read()
            return text
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise UnusableModelError(f"The model lacks {path} ({type(error).__name__}).", fix=MODEL_FIX) from error


def extra_path(directory: str, name: str) -> str:
    return os.path.join(directory, contract.EXTRA_ASSETS, name)
