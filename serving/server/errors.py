"""Requests that cannot be answered, with the status codes of TensorFlow Serving."""

import logging
import traceback

from grpc import StatusCode


class RequestError(Exception):
    """Attributes: code: for gRPC, from which that of HTTP follows; message: for the client."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> RequestError:
    return RequestError(StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> RequestError:
    return RequestError(StatusCode.NOT_FOUND, message)


def failed_precondition(message: str) -> RequestError:
    return RequestError(StatusCode.FAILED_PRECONDITION, message)


def log_unexpected(logger: logging.Logger, error: BaseException) -> None:
    """Where it happened, without its message: that can hold parts of an image, or the name of a file."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Unexpected %s\n%s", type(error).__name__, frames.rstrip())
