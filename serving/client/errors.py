"""Why a server did not answer, in words."""

from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_DATA_REJECTED, BreastImagingError


class ClientError(BreastImagingError):
    """A server was asked and gave no usable answer."""


class ServerUnavailableError(ClientError):
    """No server can be reached, after all attempts."""


class DeadlineExceededError(ClientError):
    """The answer did not come in time."""


class NotAvailableError(ClientError):
    """The model did not become available while it was waited for."""


class NoSuchModelError(ClientError):
    """The server does not serve the model, or not that version or label."""

    exit_code = EXIT_BAD_CONFIGURATION


class BadImageError(ClientError):
    """What was sent, or was to be sent, is no image that the model can read."""

    exit_code = EXIT_DATA_REJECTED


class TooLargeError(ClientError):
    """The request or the answer exceeds a limit, or the server has no room for more."""


class AccessDeniedError(ClientError):
    """The server does not let this client in."""

    exit_code = EXIT_BAD_CONFIGURATION


class ForeignModelError(ClientError):
    """The model is not one of this project's: it lacks a signature, an input or an output."""

    exit_code = EXIT_BAD_CONFIGURATION


class ServerFaultError(ClientError):
    """The server failed."""
