"""Weights of a trained network, kept beside the exported model so that the next training can start from them.

They lie outside the folder that is published: TensorFlow Serving has no use for them.
"""

import io
import json
import os
import zipfile
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from schema.errors import ConfigurationError

WEIGHTS_FILE: Final = "weights/members.npz"
_COUNTS: Final = "counts"

Weights = list[NDArray[Any]]


def write_members(model: str, members: list[Weights]) -> None:
    """Args: model: folder of a Model artifact."""
    arrays: dict[str, Any] = {
        f"{member} {number}": array for member, weights in enumerate(members) for number, array in enumerate(weights)
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{_COUNTS: np.array(json.dumps([len(each) for each in members]))}, **arrays)
    path = os.path.join(model, WEIGHTS_FILE)
    fileio.makedirs(os.path.dirname(path))
    with fileio.open(path, "wb") as file:
        file.write(buffer.getvalue())


def read_members(model: str) -> list[Weights]:
    """Raises ConfigurationError where the folder holds none that can be read."""
    path = os.path.join(model, WEIGHTS_FILE)
    try:
        with fileio.open(path, "rb") as file:
            content = file.read()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            counts = json.loads(str(arrays[_COUNTS]))
            return [[arrays[f"{member} {number}"] for number in range(count)] for member, count in enumerate(counts)]
    except (tf.errors.OpError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"train.warm_start: the latest blessed model has no weights to start from in {path} ({error}).",
            fix="train once without it: --set train.warm_start=false",
        ) from error


def start_from(network: keras.Model, weights: Weights) -> None:
    """Raises ConfigurationError where they are of another network."""
    try:
        network.set_weights(weights)
    except ValueError as error:
        raise ConfigurationError(
            "train.warm_start: the latest blessed model is another network than the one of this configuration.",
            reasons=[str(error).partition("\n")[0]],
            fix="train the new network once from its own beginning: --set train.warm_start=false",
        ) from error
