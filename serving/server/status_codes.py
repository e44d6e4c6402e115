"""The status codes of TensorFlow, gRPC and HTTP for one another."""

from collections.abc import Mapping
from typing import Final

import tensorflow as tf
from grpc import StatusCode

_BY_NUMBER: Final = {code.value[0]: code for code in StatusCode}

# As TensorFlow Serving has them.
HTTP_CODES: Final[Mapping[StatusCode, int]] = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.ABORTED: 409,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.INTERNAL: 500,
    StatusCode.UNKNOWN: 500,
    StatusCode.DATA_LOSS: 500,
}


def code_of(error: tf.errors.OpError) -> StatusCode:
    """TensorFlow numbers its errors like gRPC."""
    return _BY_NUMBER.get(error.error_code, StatusCode.INTERNAL)
