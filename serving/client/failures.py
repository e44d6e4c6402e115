"""Turns the status codes of gRPC into errors."""

from typing import Final

import grpc

from serving.client.errors import (
    AccessDeniedError,
    BadImageError,
    ClientError,
    DeadlineExceededError,
    ForeignModelError,
    NoSuchModelError,
    ServerFaultError,
    ServerUnavailableError,
    TooLargeError,
)
from serving.client.settings import Asked

_OF_LABELS: Final = "label"  # TensorFlow Serving calls one that it does not know INVALID_ARGUMENT
_LONGEST_REASON: Final = 500  # characters; a fault of a graph comes with all of its nodes

_Code = grpc.StatusCode
_NOT_SERVED: Final = (
    NoSuchModelError,
    "{where} does not serve {model}.",
    "check name, version and label against what the server loads; a model that was just published takes a moment",
)
_DENIED: Final = (
    AccessDeniedError,
    "{where} refuses this client.",
    "give the certificate and key that the server asks for",
)
_FAILURES: Final[dict[grpc.StatusCode, tuple[type[ClientError], str, str]]] = {
    _Code.UNAVAILABLE: (
        ServerUnavailableError,
        "No server answers at {where}.",
        "check address and port, that the server runs, and that both sides use TLS or neither does",
    ),
    _Code.CANCELLED: (
        ServerUnavailableError,
        "The call to {where} was cancelled before it was answered.",
        "ask again, with a client that is not being closed",
    ),
    _Code.DEADLINE_EXCEEDED: (
        DeadlineExceededError,
        "{where} gave no answer within the deadline.",
        "allow more seconds, or send fewer or smaller images at a time",
    ),
    _Code.NOT_FOUND: _NOT_SERVED,
    _Code.INVALID_ARGUMENT: (
        BadImageError,
        "{model} cannot read an image that it was sent.",
        "send PNG, JPEG or BMP; serving.client.conversion makes PNG of DICOM, TIFF and PGM",
    ),
    _Code.FAILED_PRECONDITION: (
        ForeignModelError,
        "{model} at {where} cannot be asked this way.",
        "name a model that this project published, and publish again one that is older than its signatures",
    ),
    _Code.RESOURCE_EXHAUSTED: (
        TooLargeError,
        "{where}: a message is too large, or the server has no room for it.",
        "send fewer or smaller images at a time, or raise the limits of both sides",
    ),
    _Code.UNAUTHENTICATED: _DENIED,
    _Code.PERMISSION_DENIED: _DENIED,
    _Code.UNIMPLEMENTED: (
        ServerFaultError,
        "What runs at {where} does not speak TensorFlow Serving's protocol.",
        "give the gRPC port (8500 by default) of a server of models, not its REST port",
    ),
}
_FAULT: Final = (
    ServerFaultError,
    "{where} failed to answer for {model}.",
    "see the server's log; where other images are answered, this one may be the reason",
)


def to_error(error: grpc.RpcError, asked: Asked) -> ClientError:
    """The error for a call that failed; what the server said is its reason."""
    code, details = error.code(), (error.details() or "").strip()
    kind, what, fix = _FAILURES.get(code, _FAULT)
    if code is _Code.INVALID_ARGUMENT and asked.label is not None and _OF_LABELS in details:
        kind, what, fix = _NOT_SERVED
    reason = f"{code.name}: {details}" if details else code.name
    return kind(what.format(where=asked.where, model=asked), fix=fix, reasons=[reason[:_LONGEST_REASON]])
