"""TensorFlow Serving's two gRPC services."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceServicer
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceServicer
from tensorflow_serving.apis.regression_pb2 import RegressionRequest, RegressionResponse

from serving.server.classification import classify, regress
from serving.server.errors import RequestError, log_unexpected
from serving.server.inference import Inference
from serving.server.manager import ModelManager
from serving.server.model_status import model_status, to_status

_LOG = logging.getLogger(__name__)


def _answering(respond: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """A method of a service from one that knows nothing of status codes."""

    @functools.wraps(respond)
    async def answer(service: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await respond(service, request)
        except RequestError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  the boundary where every failure becomes an answer
            log_unexpected(_LOG, error)
            failure = RequestError(grpc.StatusCode.INTERNAL, "Internal error; see the server's log.")
        return await context.abort(failure.code, failure.message)

    return answer


class PredictionService(PredictionServiceServicer):
    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    @_answering
    async def Predict(self, request: PredictRequest) -> PredictResponse:  # noqa: N802  as the stubs call it
        return await self._inference.predict(request)

    @_answering
    async def Classify(self, request: ClassificationRequest) -> ClassificationResponse:  # noqa: N802
        return await classify(self._inference, request)

    @_answering
    async def Regress(self, request: RegressionRequest) -> RegressionResponse:  # noqa: N802
        return await regress(self._inference, request)

    @_answering
    async def GetModelMetadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:  # noqa: N802
        return await self._inference.metadata(request)

    @_answering
    async def MultiInference(self, request: object) -> None:  # noqa: N802
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, "The embedded server has no MultiInference.")


class ModelService(ModelServiceServicer):
    def __init__(self, models: ModelManager) -> None:
        self._models = models

    @_answering
    async def GetModelStatus(self, request: GetModelStatusRequest) -> GetModelStatusResponse:  # noqa: N802
        return model_status(self._models, request)

    @_answering
    async def HandleReloadConfigRequest(self, request: ReloadConfigRequest) -> ReloadConfigResponse:  # noqa: N802
        await asyncio.to_thread(self._models.reload, request.config)
        return ReloadConfigResponse(status=to_status(grpc.StatusCode.OK, ""))
