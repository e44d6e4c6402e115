"""TensorFlow Serving's two gRPC services."""

import functools
import logging
from collections.abc import Callable
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
from serving.server.execution import IsWanted
from serving.server.inference import Inference
from serving.server.manager import ModelManager
from serving.server.model_status import model_status, to_status

_LOG = logging.getLogger(__name__)


def _answering(respond: Callable[[Any, Any, IsWanted], Any]) -> Callable[[Any, Any, grpc.ServicerContext], Any]:
    """A method of a service from one that knows nothing of status codes."""

    @functools.wraps(respond)
    def answer(service: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return respond(service, request, context.is_active)
        except RequestError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  the boundary where every failure becomes an answer
            log_unexpected(_LOG, error)
            failure = RequestError(grpc.StatusCode.INTERNAL, "Internal error; see the server's log.")
        return context.abort(failure.code, failure.message)

    return answer


class PredictionService(PredictionServiceServicer):
    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    @_answering
    def Predict(self, request: PredictRequest, is_wanted: IsWanted) -> PredictResponse:  # noqa: N802  as the stubs call it
        return self._inference.predict(request, is_wanted)

    @_answering
    def Classify(self, request: ClassificationRequest, is_wanted: IsWanted) -> ClassificationResponse:  # noqa: N802
        return classify(self._inference, request, is_wanted)

    @_answering
    def Regress(self, request: RegressionRequest, is_wanted: IsWanted) -> RegressionResponse:  # noqa: N802
        return regress(self._inference, request, is_wanted)

    @_answering
    def GetModelMetadata(self, request: GetModelMetadataRequest, is_wanted: IsWanted) -> GetModelMetadataResponse:  # noqa: N802
        return self._inference.metadata(request)

    @_answering
    def MultiInference(self, request: object, is_wanted: IsWanted) -> None:  # noqa: N802
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, "The embedded server has no MultiInference.")


class ModelService(ModelServiceServicer):
    def __init__(self, models: ModelManager) -> None:
        self._models = models

    @_answering
    def GetModelStatus(self, request: GetModelStatusRequest, is_wanted: IsWanted) -> GetModelStatusResponse:  # noqa: N802
        return model_status(self._models, request)

    @_answering
    def HandleReloadConfigRequest(self, request: ReloadConfigRequest, is_wanted: IsWanted) -> ReloadConfigResponse:  # noqa: N802
        self._models.reload(request.config)
        return ReloadConfigResponse(status=to_status(grpc.StatusCode.OK, ""))
