"""What the embedded server is told when it starts. Imports nothing heavy: the command line names the defaults."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from schema import contract

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Tls:
    """PEM files. With `client_ca`, only clients that show a certificate signed by it are served."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class Listening:
    """Where to listen. Port 0 takes any that is free."""

    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    tls: Tls | None = None


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may ask for.

    Attributes:
        message_bytes: of a gRPC message, and of the body of a REST request.
        images: of a request.
        pixels: of all images of a request together, by their headers.
        requests: that are being answered or wait for it; the next one is refused.
        body_seconds: in which the body of a REST request must arrive.
    """

    message_bytes: int = 64 * _MEBIBYTE
    images: int = 64
    pixels: int = contract.MAXIMUM_PIXELS
    requests: int = 128
    body_seconds: float = 60.0


@dataclass(frozen=True)
class Threads:
    """Attributes: requests: that run at once; intra_op: with which TensorFlow runs one operation."""

    requests: int = field(default_factory=lambda: os.cpu_count() or 1)
    intra_op: int = 1


@dataclass(frozen=True)
class Batching:
    """Joining requests of one signature. Attributes: size: rows of a batch at most; wait_seconds: for more."""

    size: int = 4  # eight cost hardly less an image, and leave other threads idle
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class ServerSettings:
    """Attributes:
    model: folder of versions, named like its model.
    model_config_file: a model_config_list in text form, in place of `model`.
    poll_seconds: between two looks at the folders and that file.
    grace_seconds: in which requests may end after the server was told to stop.
    batching: none where requests run alone.
    """

    model: Path | None = None
    model_config_file: Path | None = None
    poll_seconds: float = 1.0
    grace_seconds: float = 30.0
    listening: Listening = Listening()
    limits: Limits = Limits()
    threads: Threads = field(default_factory=Threads)
    batching: Batching | None = Batching()
