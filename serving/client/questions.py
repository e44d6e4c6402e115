"""What a server can be asked: the request, and how its answer is read. Nothing is sent here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from google.protobuf import wrappers_pb2

from schema import contract
from serving.client.answers import Explanation, Prediction, VersionStatus
from serving.client.settings import Asked
from serving.client.statuses import read_status
from serving.wire import messages_pb2 as wire
from serving.wire import methods
from serving.wire.methods import Method

T = TypeVar("T")

_SIGNATURES_FIELD: Final = "signature_def"  # the one that GetModelMetadata knows


@dataclass(frozen=True)
class Question(Generic[T]):
    """A call that can be made.

    Attributes:
        read: makes of the response, and of the seconds that it took, what the caller wants.
    """

    method: Method
    request: Any
    read: Callable[[Any, float], T]


def predict(asked: Asked, images: Sequence[bytes]) -> Question[list[Prediction]]:
    def read(response: wire.PredictResponse, latency: float) -> list[Prediction]:
        from serving.client.reading import read_predictions  # with numpy, which takes a while to import

        return read_predictions(response, len(images), latency)

    return Question(methods.PREDICT, _image_request(asked, contract.SERVING_IMAGE, images), read)


def explain(asked: Asked, images: Sequence[bytes]) -> Question[list[Explanation]]:
    def read(response: wire.PredictResponse, latency: float) -> list[Explanation]:
        from serving.client.reading import read_explanations  # as above

        return read_explanations(response, len(images), latency)

    return Question(methods.PREDICT, _image_request(asked, contract.SERVING_EXPLANATION, images), read)


def status(asked: Asked) -> Question[tuple[VersionStatus, ...]]:
    """Of the version, where one is asked for, or else of all: servers know no labels here."""
    request = wire.GetModelStatusRequest(model_spec=_spec(Asked(asked.addresses, asked.name, asked.version)))
    return Question(methods.GET_MODEL_STATUS, request, lambda response, _: read_status(response))


def served_version(asked: Asked) -> Question[int]:
    """The version that answers. A server answers this for a version that is loaded, and for no other."""
    request = wire.GetModelMetadataRequest(model_spec=_spec(asked), metadata_field=[_SIGNATURES_FIELD])
    return Question(methods.GET_MODEL_METADATA, request, lambda response, _: int(response.model_spec.version.value))


def _image_request(asked: Asked, signature: str, images: Sequence[bytes]) -> wire.PredictRequest:
    shape = wire.TensorShapeProto(dim=[wire.TensorShapeProto.Dim(size=len(images))])
    tensor = wire.TensorProto(dtype=wire.DT_STRING, tensor_shape=shape, string_val=images)
    return wire.PredictRequest(model_spec=_spec(asked, signature), inputs={contract.IMAGE_BYTES_INPUT: tensor})


def _spec(asked: Asked, signature: str = "") -> wire.ModelSpec:
    version = None if asked.version is None else wrappers_pb2.Int64Value(value=asked.version)
    return wire.ModelSpec(name=asked.name, version=version, version_label=asked.label, signature_name=signature)
