"""The REST port: TensorFlow Serving's paths, and the page of Prometheus."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc import StatusCode
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from schema.errors import ConfigurationError
from serving.server.classification import classify, regress
from serving.server.errors import RequestError, invalid_argument, log_unexpected
from serving.server.inference import Inference
from serving.server.manager import ModelManager
from serving.server.metrics import Metrics
from serving.server.model_status import model_status
from serving.server.requests import check_inputs
from serving.server.rest_examples import to_input
from serving.server.rest_json import parse_object, parse_predict_body, signature_in, to_answer, to_inputs
from serving.server.settings import Limits, Listening
from serving.server.status_codes import HTTP_CODES
from serving.server.tls import to_ssl_context

_LOG = logging.getLogger(__name__)
_MODEL: Final = "/v1/models/{name:[^/:]+}"
_MODEL_PATHS: Final = (_MODEL, _MODEL + r"/versions/{version:\d{1,18}}", _MODEL + "/labels/{label:[^/:]+}")
_METRICS_PATH: Final = "/monitoring/prometheus/metrics"
_SHOWN_PATH: Final = 200  # characters

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestEndpoint:
    """Made inside the event loop that it runs in."""

    def __init__(
        self, listening: Listening, limits: Limits, inference: Inference, models: ModelManager, metrics: Metrics
    ) -> None:
        self._listening = listening
        self._limits = limits
        self._inference = inference
        self._models = models
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self, grace_seconds: float) -> int:
        """The port. Raises ConfigurationError where it is taken, or the TLS files cannot be used."""
        tls = self._listening.tls
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=grace_seconds)
        await runner.setup()
        site = web.TCPSite(
            runner,
            self._listening.host,
            self._listening.rest_port,
            ssl_context=to_ssl_context(tls) if tls else None,
        )
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"The REST server cannot listen at {self._listening.host}:{self._listening.rest_port}"
                f" ({error.strerror}).",
                fix="name another --rest-port",
            ) from error
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Answers no new requests, and lets those in flight end."""
        if self._runner:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=self._limits.message_bytes, middlewares=[_answering])
        for path in _MODEL_PATHS:
            application.router.add_get(path, self._status)
            application.router.add_get(path + "/metadata", self._metadata)
            application.router.add_post(path + ":predict", self._predict)
            application.router.add_post(path + ":classify", self._classify)
            application.router.add_post(path + ":regress", self._regress)
        application.router.add_get(_METRICS_PATH, self._page_of_metrics)
        return application

    async def _status(self, request: web.Request) -> web.Response:
        answer = model_status(self._models, GetModelStatusRequest(model_spec=_spec_of(request)))
        return _json_response(_to_json(answer))

    async def _metadata(self, request: web.Request) -> web.Response:
        asked = GetModelMetadataRequest(model_spec=_spec_of(request), metadata_field=["signature_def"])
        answer = await self._inference.metadata(asked)
        signatures = SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        metadata = {"signature_def": _to_json(signatures)}
        return _json_response({"model_spec": _to_json(answer.model_spec), "metadata": metadata})

    async def _predict(self, request: web.Request) -> web.Response:
        body = parse_predict_body(await self._read(request))
        with self._inference.asked("Predict", _spec_of(request)) as version:
            signature = version.model.signatures.get(body.signature_name)
            if signature is None:
                raise invalid_argument(f'Serving signature name: "{body.signature_name}" not found in signature def')
            inputs = check_inputs(signature, to_inputs(body, signature), self._limits)
            return _json_response(to_answer(body, await self._inference.run(version, body.signature_name, inputs)))

    async def _classify(self, request: web.Request) -> web.Response:
        spec, body = await self._with_examples(request)
        answer = await classify(self._inference, ClassificationRequest(model_spec=spec, input=to_input(body)))
        rows = [[[each.label, each.score] for each in row.classes] for row in answer.result.classifications]
        return _json_response({"results": rows})

    async def _regress(self, request: web.Request) -> web.Response:
        spec, body = await self._with_examples(request)
        answer = await regress(self._inference, RegressionRequest(model_spec=spec, input=to_input(body)))
        return _json_response({"results": [each.value for each in answer.result.regressions]})

    async def _page_of_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _with_examples(self, request: web.Request) -> tuple[ModelSpec, dict[str, Any]]:
        body = parse_object(await self._read(request))
        spec = _spec_of(request)
        spec.signature_name = signature_in(body)
        return spec, body

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await request.read()
        except TimeoutError as error:
            message = f"The body did not arrive within {self._limits.body_seconds:g} s."
            raise RequestError(StatusCode.DEADLINE_EXCEEDED, message) from error


@web.middleware
async def _answering(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Makes every failure an answer in JSON."""
    try:
        return await handler(request)
    except RequestError as error:
        return _error_response(HTTP_CODES[error.code], error.message)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        shown = f"{request.method} {request.path[:_SHOWN_PATH]}"
        return _error_response(400 if request.path.startswith("/v1/") else 404, f"Malformed request: {shown}")
    except web.HTTPException as error:
        return _error_response(error.status, error.reason)
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes an answer
        log_unexpected(_LOG, error)
        return _error_response(500, "Internal error; see the server's log.")


def _spec_of(request: web.Request) -> ModelSpec:
    parts = request.match_info
    spec = ModelSpec(name=parts["name"])
    if "version" in parts:
        spec.version.value = int(parts["version"])
    if "label" in parts:
        spec.version_label = parts["label"]
    return spec


def _to_json(message: Message) -> Any:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _json_response(values: Any) -> web.Response:
    return web.Response(text=json.dumps(values), content_type="application/json")


def _error_response(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=json.dumps({"error": message}), content_type="application/json")
