"""What a server answers, as a person reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schema import contract
from serving.client.errors import ForeignModelError
from serving.client.tensors import floats, strings
from serving.wire import messages_pb2 as wire

Array = NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image. For research only; not for diagnosis.

    Attributes:
        label: the class name at the operating point.
        probabilities: in [0, 1], calibrated, by class name, in the model's order.
        malignant_probability: of the positive class.
        threshold: the operating point: the label is the positive class from this probability on.
        model_name: as the server calls it.
        model_version: that answered.
        latency: seconds from the question to the answer, for all images that were sent together.
    """

    label: str
    probabilities: Mapping[str, float]
    malignant_probability: float
    threshold: float
    model_name: str
    model_version: int
    latency: float


@dataclass(frozen=True)
class Explanation:
    """A prediction, with what in the image speaks for the positive class.

    Attributes:
        heat_map: float32 (HEAT_MAP_SIDE, HEAT_MAP_SIDE) in [0, 1], over the whole image whatever its sides; relative
            to its own peak, and 0 everywhere where nothing speaks for the class.
    """

    prediction: Prediction
    heat_map: NDArray[np.float32] = field(repr=False, compare=False)


class State(StrEnum):
    """Of a version on a server."""

    UNKNOWN = "unknown"
    START = "start"
    LOADING = "loading"
    AVAILABLE = "available"
    UNLOADING = "unloading"
    END = "end"


@dataclass(frozen=True)
class VersionStatus:
    """A version as its server sees it. Attributes: error: why it could not be loaded; empty where it could."""

    version: int
    state: State
    error: str = ""


@dataclass(frozen=True)
class Origin:
    """Who answered. Attributes: as those of `Prediction`."""

    model_name: str
    model_version: int
    latency: float


_FIX: Final = "name a model that this project published, of a version that names its classes"


def read_predictions(response: wire.PredictResponse, images: int, latency: float) -> list[Prediction]:
    """One for each image. Raises ForeignModelError where the answer is not one of this project's models."""
    return to_predictions(_arrays(response), images, _origin(response, latency))


def read_explanations(response: wire.PredictResponse, images: int, latency: float) -> list[Explanation]:
    """One for each image. Raises as `read_predictions` does."""
    predictions = read_predictions(response, images, latency)
    heat_maps = _output(response, contract.HEAT_MAP, floats)
    expected = (images, contract.HEAT_MAP_SIDE, contract.HEAT_MAP_SIDE)
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


def read_status(response: wire.GetModelStatusResponse) -> tuple[VersionStatus, ...]:
    """The versions, ascending."""
    return tuple(
        VersionStatus(each.version, _state(each.state), _error_text(each.status))
        for each in sorted(response.model_version_status, key=lambda each: each.version)
    )


def _state(number: int) -> State:
    names = wire.ModelVersionStatus.State
    return State[names.Name(number)] if number in names.values() else State.UNKNOWN


def _error_text(status: wire.StatusProto) -> str:
    if status.error_code == wire.OK:
        return ""
    return status.error_message or f"error {status.error_code}"


def _origin(response: wire.PredictResponse, latency: float) -> Origin:
    spec = response.model_spec
    if not spec.HasField("version"):
        raise _foreign(spec.name, ["the answer does not say which version it is from"])
    return Origin(spec.name, spec.version.value, latency)


def _arrays(response: wire.PredictResponse) -> dict[str, Array]:
    return {
        contract.PREDICTED_LABEL: _output(response, contract.PREDICTED_LABEL, strings),
        contract.CLASSES: _output(response, contract.CLASSES, strings),
        contract.PROBABILITIES: _output(response, contract.PROBABILITIES, floats),
        contract.MALIGNANT_PROBABILITY: _output(response, contract.MALIGNANT_PROBABILITY, floats),
        contract.THRESHOLD: _output(response, contract.THRESHOLD, floats),
    }


def _output(response: wire.PredictResponse, name: str, read: Callable[[wire.TensorProto], Array]) -> Array:
    if name not in response.outputs:
        raise _foreign(response.model_spec.name, [f"{name}: the answer lacks it"])
    try:
        return read(response.outputs[name])
    except ValueError as error:
        raise _foreign(response.model_spec.name, [f"{name}: {error}"]) from error


def _faults(outputs: Mapping[str, Array], images: int) -> list[str]:
    """What is wrong with the shapes, or else with the values."""
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
