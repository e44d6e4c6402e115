"""Asks a model over gRPC, with TensorFlow Serving's own stubs."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import grpc
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tfx.components.infra_validator.error_types import DeadlineExceeded, ValidationFailed
from tfx.components.infra_validator.model_server_clients.tensorflow_serving_client import TensorFlowServingClient

from serving.saved_model import UnusableModelError
from serving.servable import Answering

_LOADING_SECONDS: Final = 300
_ANSWER_SECONDS: Final = 120
_POLL_SECONDS: Final = 1
_FIX: Final = "see the server's log"


def wait_until_available(address: str, name: str) -> None:
    """Raises UnusableModelError where the server cannot load the model, or not in time."""
    try:
        TensorFlowServingClient(address, name).WaitUntilModelLoaded(time.time() + _LOADING_SECONDS, _POLL_SECONDS)
    except (DeadlineExceeded, ValidationFailed) as error:
        raise UnusableModelError(f"The server at {address} did not load the model ({error}).", fix=_FIX) from error


class RemoteModel(Answering):
    """A model that a server at `host:port` has loaded. Use as a context manager."""

    def __init__(self, address: str, name: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._service = PredictionServiceStub(self._channel)
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def run(self, signature: str, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        request = PredictRequest(model_spec=ModelSpec(name=self._name, signature_name=signature))
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            response = self._service.Predict(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError as error:
            raise UnusableModelError(
                f"The server does not answer {signature!r} ({error.code().name}: {error.details()}).", fix=_FIX
            ) from error
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
