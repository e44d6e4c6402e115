"""A server of models within the test's process: TensorFlow Serving's own stubs and manners, and faults on demand."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.config import model_server_config_pb2

State = get_model_status_pb2.ModelVersionStatus

NAME = "breast_imaging"
BAD_IMAGE = b"no image"
THRESHOLD = 0.5
CLASSES = ("benign", "malignant")

_MESSAGE_LIMIT = 64 * 1024 * 1024


def probability_of(image: bytes) -> float:
    """What the fake model says of an image: a number in [0, 1) that differs with its bytes."""
    return float(np.float32(sum(image) % 97 / 97))


def outputs_of(images: Sequence[bytes]) -> dict[str, NDArray[Any]]:
    """The outputs of `serving_image` and, with the heat map, of `serving_explanation`."""
    malignant = np.array([probability_of(image) for image in images], np.float32)
    maps = malignant[:, None, None] * np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    return {
        "probabilities": np.stack([1 - malignant, malignant], axis=1),
        "malignant_probability": malignant,
        "threshold": np.full(len(images), THRESHOLD, np.float32),
        "classes": np.array([CLASSES] * len(images), object).reshape(len(images), 2),
        "label": np.array([CLASSES[int(each >= THRESHOLD)] for each in malignant], object),
        "heat_map": maps,
    }


@dataclass
class FakeServer:
    """Use as a context manager.

    Attributes:
        credentials: for TLS.
        on_disk: versions that could be loaded.
        broken: those of them that cannot.
        states: of the versions, by number.
        labels: by name.
        faults: status codes that the next calls of Predict end with, each once.
        reload_faults: as `faults`, for HandleReloadConfigRequest; None lets a call through.
        held: calls of Predict wait for it to be set.
        polls_to_load: how often the status is asked for until a version that is loading is available.
        outputs: makes the outputs of images.
        images: of each call of Predict that was answered.
        reloads: configurations that were taken over.
    """

    credentials: grpc.ServerCredentials | None = None
    on_disk: set[int] = field(default_factory=lambda: {1})
    broken: set[int] = field(default_factory=set)
    states: dict[int, int] = field(default_factory=lambda: {1: State.AVAILABLE})
    labels: dict[str, int] = field(default_factory=dict)
    faults: deque[grpc.StatusCode] = field(default_factory=deque)
    reload_faults: deque[grpc.StatusCode | None] = field(default_factory=deque)
    held: threading.Event = field(default_factory=threading.Event)
    polls_to_load: int = 0
    outputs: Callable[[Sequence[bytes]], dict[str, NDArray[Any]]] = outputs_of
    images: list[list[bytes]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    reloads: list[model_server_config_pb2.ModelConfig] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held.set()
        self.port = 0
        self._left_to_poll: dict[int, int] = {}
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.held.set()
        self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begins to listen, at the port of last time where there was one."""
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MESSAGE_LIMIT)]
        self._server = grpc.server(ThreadPoolExecutor(8), options=options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Predictions(self), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self), self._server)
        wanted = f"127.0.0.1:{self.port}"
        if self.credentials:
            self.port = self._server.add_secure_port(f"localhost:{self.port}", self.credentials)
        else:
            self.port = self._server.add_insecure_port(wanted)
        self._server.start()

    def stop(self) -> None:
        """Cuts all connections."""
        self._server.stop(None).wait(10)

    def version_for(self, spec: model_pb2.ModelSpec, context: grpc.ServicerContext) -> int:
        """The version that a request means, as TensorFlow Serving finds it."""
        if spec.HasField("version"):
            version, shown = spec.version.value, f"Specific({spec.name}, {spec.version.value})"
        elif spec.version_label:
            if spec.version_label not in self.labels:
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}"
                )
            version, shown = self.labels[spec.version_label], spec.version_label
        else:
            version, shown = max(self.available(), default=0), f"Latest({spec.name})"
        if spec.name != NAME or version not in self.available():
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {shown}")
        return version

    def available(self) -> set[int]:
        return {version for version, state in self.states.items() if state == State.AVAILABLE}

    def reload(self, config: model_server_config_pb2.ModelConfig) -> str:
        """Takes a configuration over. Returns what is wrong with it."""
        missing = {label for label, version in config.version_labels.items() if version not in self.available()}
        if missing:
            return f"Request to assign labels {sorted(missing)} to versions that are not available for inference"
        policy = config.model_version_policy
        wanted = set(policy.specific.versions) if policy.HasField("specific") else {max(self.on_disk)}
        for version in wanted & self.on_disk - self.available():
            self.states[version] = State.LOADING
            self._left_to_poll[version] = self.polls_to_load
        for version in self.available() - wanted:
            self.states[version] = State.END
        self.labels = dict(config.version_labels)
        self.reloads.append(config)
        return ""

    def poll(self) -> None:
        """What a server does in the background, at each question for the status instead."""
        for version in [each for each, state in self.states.items() if state == State.LOADING]:
            self._left_to_poll[version] -= 1
            if self._left_to_poll[version] < 0:
                self.states[version] = State.END if version in self.broken else State.AVAILABLE


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        server = self._server
        with server.lock:
            fault = server.faults.popleft() if server.faults else None
        if fault:
            context.abort(fault, "as the test wants it")
        server.held.wait(30)
        version = server.version_for(request.model_spec, context)
        images = list(request.inputs["image_bytes"].string_val)
        if BAD_IMAGE in images:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Unknown image file format.")
        with server.lock:
            server.images.append(images)
            server.signatures.append(request.model_spec.signature_name)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        for name, values in server.outputs(images).items():
            if name != "heat_map" or request.model_spec.signature_name == "serving_explanation":
                response.outputs[name].CopyFrom(tf.make_tensor_proto(values))
        return response

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if list(request.metadata_field) != ["signature_def"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Metadata field is not supported")
        self._server.poll()
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = self._server.version_for(request.model_spec, context)
        response.metadata["signature_def"].Pack(get_model_metadata_pb2.SignatureDefMap())
        return response


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        server, spec = self._server, request.model_spec
        server.poll()
        wanted = [spec.version.value] if spec.HasField("version") else sorted(server.states, reverse=True)
        if spec.name != NAME or not server.states.keys() & wanted:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in wanted:
            status = response.model_version_status.add(version=version, state=server.states[version])
            if server.states[version] == State.END and version in server.broken:
                status.status.error_code, status.status.error_message = 3, "the graph is damaged"
        return response

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: ReloadConfigRequest, context: grpc.ServicerContext
    ) -> ReloadConfigResponse:
        fault = self._server.reload_faults.popleft() if self._server.reload_faults else None
        if fault:
            context.abort(fault, "as the test wants it")
        (config,) = [each for each in request.config.model_config_list.config if each.name == NAME]
        if reason := self._server.reload(config):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
        return ReloadConfigResponse()
