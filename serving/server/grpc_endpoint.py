"""The gRPC port: both services of TensorFlow Serving, health and reflection."""

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import add_PredictionServiceServicer_to_server

from schema.errors import ConfigurationError
from serving.server.grpc_services import ModelService, PredictionService
from serving.server.inference import Inference
from serving.server.manager import ModelManager
from serving.server.settings import Limits, Listening
from serving.server.tls import to_grpc_credentials

_SERVICES: Final = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
_OVERALL: Final = ""
_FLUSH_SECONDS: Final = 0.5  # in which the last answers leave
# Clients that vanish without a word are noticed.
_KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


class GrpcEndpoint:
    """Made inside the event loop that it runs in."""

    def __init__(self, listening: Listening, limits: Limits, inference: Inference, models: ModelManager) -> None:
        self._listening = listening
        self._inference = inference
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limits.message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # or a second server would take half of the requests
                *_KEEPALIVE,
            )
        )
        add_PredictionServiceServicer_to_server(PredictionService(inference), self._server)
        add_ModelServiceServicer_to_server(ModelService(models), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    async def start(self) -> int:
        """The port. Raises ConfigurationError where it is taken."""
        await self.set_serving(ready=False)
        address = f"{_bracketed(self._listening.host)}:{self._listening.grpc_port}"
        try:
            port = self._add_port(address)
        except RuntimeError as error:
            raise ConfigurationError(
                f"The gRPC server cannot listen at {address}; the port may be in use.", fix="name another --grpc-port"
            ) from error
        await self._server.start()
        return port

    def _add_port(self, address: str) -> int:
        if self._listening.tls:
            return int(self._server.add_secure_port(address, to_grpc_credentials(self._listening.tls)))
        return int(self._server.add_insecure_port(address))

    async def set_serving(self, *, ready: bool) -> None:
        """What the health service answers, overall and for each service."""
        statuses = health_pb2.HealthCheckResponse
        for service in (_OVERALL, *_SERVICES):
            await self._health.set(service, statuses.SERVING if ready else statuses.NOT_SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Lets requests in flight end."""
        await self._health.enter_graceful_shutdown()
        await self._inference.close(grace_seconds)
        # What is left are streams of health and reflection, which have no end of their own.
        await self._server.stop(_FLUSH_SECONDS)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
