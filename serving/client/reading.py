"""Reads predictions out of what a server answers. Nothing is believed of it before it is checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schema import contract
from serving.client.answers import Explanation, Prediction
from serving.client.errors import ForeignModelError
from serving.client.tensors import floats, strings
from serving.wire import messages_pb2 as wire

Array = NDArray[Any]


@dataclass(frozen=True)
class Origin:
    """Who answered. Attributes: as those of `Prediction`."""

    model_name: str
    model_version: int
    latency: float


_READERS: Final[Mapping[str, Callable[[wire.TensorProto], Array]]] = {
    contract.PREDICTED_LABEL: strings,
    contract.CLASSES: strings,
    contract.PROBABILITIES: floats,
    contract.MALIGNANT_PROBABILITY: floats,
    contract.THRESHOLD: floats,
}
_FIX: Final = "name a model that this project published, of a version that names its classes"


def read_predictions(response: wire.PredictResponse, images: int, latency: float) -> list[Prediction]:
    """One for each image. Raises ForeignModelError where the answer is not one of this project's models."""
    return to_predictions(_arrays(response), images, _origin(response, latency))


def read_explanations(response: wire.PredictResponse, images: int, latency: float) -> list[Explanation]:
    """One for each image. Raises as `read_predictions` does."""
    predictions = read_predictions(response, images, latency)
    expected = (images, contract.HEAT_MAP_SIDE, contract.HEAT_MAP_SIDE)
    heat_maps = _read_output(response, contract.HEAT_MAP, floats)
    if heat_maps.shape != expected or not _within_one(heat_maps):
        raise _foreign(response.model_spec.name, [f"{contract.HEAT_MAP}: not {expected} shares in [0, 1]"])
    return [Explanation(each, heat_map) for each, heat_map in zip(predictions, heat_maps, strict=True)]


def to_predictions(outputs: Mapping[str, Array], images: int, origin: Origin) -> list[Prediction]:
    """The outputs of one of this project's signatures, by image.

    Args:
        outputs: by name, as `docs/model.md` describes them; strings as text.
        images: how many were sent.

    Raises ForeignModelError where they are not such outputs.
    """
    faults = _faults(outputs, images)
    if faults:
        raise _foreign(origin.model_name, faults)
    return [
        Prediction(
            label=str(outputs[contract.PREDICTED_LABEL][row]),
            probabilities={
                str(name): float(value)
                for name, value in zip(
                    outputs[contract.CLASSES][row], outputs[contract.PROBABILITIES][row], strict=True
                )
            },
            malignant_probability=float(outputs[contract.MALIGNANT_PROBABILITY][row]),
            threshold=float(outputs[contract.THRESHOLD][row]),
            model_name=origin.model_name,
            model_version=origin.model_version,
            latency=origin.latency,
        )
        for row in range(images)
    ]


def _origin(response: wire.PredictResponse, latency: float) -> Origin:
    spec = response.model_spec
    if not spec.HasField("version"):
        raise _foreign(spec.name, ["the answer does not say which version it is from"])
    return Origin(spec.name, spec.version.value, latency)


def _arrays(response: wire.PredictResponse) -> dict[str, Array]:
    """The outputs that are known and there."""
    return {name: _read_output(response, name, read) for name, read in _READERS.items() if name in response.outputs}


def _read_output(response: wire.PredictResponse, name: str, read: Callable[[wire.TensorProto], Array]) -> Array:
    if name not in response.outputs:
        raise _foreign(response.model_spec.name, [f"{name}: the answer lacks it"])
    try:
        return read(response.outputs[name])
    except ValueError as error:
        raise _foreign(response.model_spec.name, [f"{name}: {error}"]) from error


def _faults(outputs: Mapping[str, Array], images: int) -> list[str]:
    """What is missing, or else wrong with the shapes, or else with the values."""
    missing = [f"{name}: the answer lacks it" for name in _READERS if name not in outputs]
    if missing:
        return missing
    classes = outputs[contract.CLASSES].shape[-1] if outputs[contract.CLASSES].ndim == 2 else 0
    expected = {
        contract.CLASSES: (images, classes),
        contract.PROBABILITIES: (images, classes),
        contract.PREDICTED_LABEL: (images,),
        contract.MALIGNANT_PROBABILITY: (images,),
        contract.THRESHOLD: (images,),
    }
    shapes = [
        f"{name}: its shape is {outputs[name].shape}, not {shape}"
        for name, shape in expected.items()
        if outputs[name].shape != shape
    ]
    return shapes or list(_faulty_values(outputs))


def _faulty_values(outputs: Mapping[str, Array]) -> list[str]:
    probabilities = (contract.PROBABILITIES, contract.MALIGNANT_PROBABILITY, contract.THRESHOLD)
    outside = [f"{name}: not all within [0, 1]" for name in probabilities if not _within_one(outputs[name])]
    rows = zip(outputs[contract.CLASSES], outputs[contract.PREDICTED_LABEL], strict=True)
    unnamed = any(len(set(classes)) < len(classes) or label not in classes for classes, label in rows)
    return [*outside, *([f"{contract.CLASSES}: names twice, or the label is none of them"] if unnamed else [])]


def _within_one(values: Array) -> bool:
    return bool(np.all((values >= 0.0) & (values <= 1.0)))  # so that NaN fails too


def _foreign(model: str, faults: list[str]) -> ForeignModelError:
    return ForeignModelError(
        f"{model or 'The model'} does not answer as a model of this project does.", fix=_FIX, reasons=faults
    )
