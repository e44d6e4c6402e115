"""Which versions of a model there are, in TensorFlow Serving's words."""

from grpc import StatusCode
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelVersionStatus,
)
from tensorflow_serving.apis.status_pb2 import StatusProto

from serving.server.errors import invalid_argument, not_found
from serving.server.manager import ModelManager
from serving.server.served_model import VersionStatus


def model_status(models: ModelManager, request: GetModelStatusRequest) -> GetModelStatusResponse:
    """Raises RequestError for an unknown model, version or label."""
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    spec = request.model_spec
    model = models.models().get(spec.name)
    statuses = model.statuses() if model else {}
    if not model or not statuses:
        raise not_found(f"Could not find any versions of model {spec.name}")
    if spec.WhichOneof("version_choice"):
        number = spec.version.value if spec.HasField("version") else model.version_of(spec.version_label)
        if number not in statuses:
            raise not_found(f"Could not find version {number} of model {spec.name}")
        statuses = {number: statuses[number]}
    return GetModelStatusResponse(model_version_status=[_to_proto(*item) for item in statuses.items()])


def to_status(code: StatusCode, message: str) -> StatusProto:
    return StatusProto(error_code=code.value[0], error_message=message)


def _to_proto(number: int, status: VersionStatus) -> ModelVersionStatus:
    code = StatusCode.INTERNAL if status.error else StatusCode.OK
    return ModelVersionStatus(version=number, state=status.state, status=to_status(code, status.error))
