"""The methods of TensorFlow Serving's services, by the paths that its servers know."""

from dataclasses import dataclass
from typing import Any, Final

from serving.wire import messages_pb2 as wire


@dataclass(frozen=True)
class Method:
    """A method that takes one message and answers one.

    Attributes:
        path: /package.Service/Method.
        request, response: classes of `messages_pb2`.
    """

    path: str
    request: Any
    response: Any

    def of(self, channel: Any) -> Any:
        """What calls the method: for a channel of `grpc` a function, for one of `grpc.aio` a coroutine function."""
        return channel.unary_unary(self.path, self.request.SerializeToString, self.response.FromString)


PREDICT: Final = Method(
    "/tensorflow.serving.PredictionService/Predict",
    wire.PredictRequest,
    wire.PredictResponse,
)
GET_MODEL_METADATA: Final = Method(
    "/tensorflow.serving.PredictionService/GetModelMetadata",
    wire.GetModelMetadataRequest,
    wire.GetModelMetadataResponse,
)
GET_MODEL_STATUS: Final = Method(
    "/tensorflow.serving.ModelService/GetModelStatus",
    wire.GetModelStatusRequest,
    wire.GetModelStatusResponse,
)
RELOAD_CONFIG: Final = Method(
    "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
    wire.ReloadConfigRequest,
    wire.ReloadConfigResponse,
)
