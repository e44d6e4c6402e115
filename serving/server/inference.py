"""What the prediction service does, whichever way a request came."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from google.protobuf.any_pb2 import Any as AnyProto
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from serving.saved_model import first_line
from serving.server.errors import RequestError, invalid_argument
from serving.server.execution import Admission, Execution, Outputs
from serving.server.loaded_version import LoadedVersion
from serving.server.manager import ModelManager
from serving.server.metrics import Metrics
from serving.server.requests import CheckedInputs, chosen_outputs, decode_inputs, signature_name, signature_of
from serving.server.settings import Limits
from serving.server.status_codes import code_of
from serving.server.tensors import to_proto

_SIGNATURE_DEF = "signature_def"


class Inference:
    """Attributes: limits: of a request."""

    def __init__(self, models: ModelManager, execution: Execution, limits: Limits, metrics: Metrics) -> None:
        self.limits = limits
        self._models = models
        self._execution = execution
        self._admission = Admission(limits.requests)
        self._metrics = metrics

    @contextmanager
    def asked(self, method: str, spec: ModelSpec) -> Iterator[LoadedVersion]:
        """Admits and counts a request, and keeps the version that it names. Raises RequestError."""
        with self._metrics.request(method) as counted, self._admission.enter(), self._models.lease(spec) as version:
            counted.model, counted.version = spec.name, str(version.number)
            yield version

    async def close(self, grace_seconds: float) -> None:
        """Answers no new requests, and returns once those in flight have ended, or when the time is up."""
        await self._admission.close(grace_seconds)

    async def run(self, version: LoadedVersion, signature: str, inputs: CheckedInputs) -> Outputs:
        """Asks a leased version. Raises RequestError where it cannot answer."""
        try:
            return await self._execution.run(version, signature, inputs)
        except tf.errors.OpError as error:
            raise RequestError(code_of(error), first_line(error)) from error

    async def predict(self, request: PredictRequest) -> PredictResponse:
        """Raises RequestError."""
        with self.asked("Predict", request.model_spec) as version:
            name = signature_name(request.model_spec)
            signature = signature_of(version.model, name)
            inputs = decode_inputs(signature, request.inputs, self.limits)
            chosen = chosen_outputs(signature, request.output_filter)
            answer = await self.run(version, name, inputs)
        response = PredictResponse(model_spec=answered_by(request.model_spec.name, version.number, name))
        for output in chosen:
            response.outputs[output].CopyFrom(to_proto(answer[output]))
        return response

    async def metadata(self, request: GetModelMetadataRequest) -> GetModelMetadataResponse:
        """Raises RequestError."""
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        with self.asked("GetModelMetadata", request.model_spec) as version:
            packed = AnyProto()
            packed.Pack(SignatureDefMap(signature_def=version.model.signatures))
            spec = answered_by(request.model_spec.name, version.number, "")
            return GetModelMetadataResponse(model_spec=spec, metadata={_SIGNATURE_DEF: packed})


def answered_by(name: str, number: int, signature: str) -> ModelSpec:
    spec = ModelSpec(name=name, signature_name=signature)
    spec.version.value = number
    return spec
