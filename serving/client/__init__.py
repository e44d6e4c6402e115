"""Asks a server of this project's models: TensorFlow Serving, or any that speaks its gRPC protocol.

Needs neither TensorFlow nor the code that made the model. Images that are not PNG or JPEG go through
`serving.client.conversion`, which needs the decoders of ingestion.
"""

from serving.client.answers import Explanation, Prediction, State, VersionStatus
from serving.client.async_client import AsyncClient
from serving.client.client import Client
from serving.client.errors import (
    AccessDeniedError,
    BadImageError,
    ClientError,
    DeadlineExceededError,
    ForeignModelError,
    NoSuchModelError,
    NotAvailableError,
    ServerFaultError,
    ServerUnavailableError,
    TooLargeError,
)
from serving.client.files import FailedFile, FileOutcome, PredictedFile
from serving.client.settings import ChannelSettings, Tls

__all__ = [
    "AccessDeniedError",
    "AsyncClient",
    "BadImageError",
    "ChannelSettings",
    "Client",
    "ClientError",
    "DeadlineExceededError",
    "Explanation",
    "FailedFile",
    "FileOutcome",
    "ForeignModelError",
    "NoSuchModelError",
    "NotAvailableError",
    "PredictedFile",
    "Prediction",
    "ServerFaultError",
    "ServerUnavailableError",
    "State",
    "Tls",
    "TooLargeError",
    "VersionStatus",
]
