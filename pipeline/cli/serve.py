"""`breast-imaging serve`. What it needs is imported when it runs."""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.quiet import quiet_imports
from schema.errors import ConfigurationError
from serving.server.settings import Batching, Limits, Listening, ServerSettings, Threads, Tls

_NO_FILE = typer.Option(show_default=False)
_LISTENING, _LIMITS, _THREADS, _BATCHING, _SETTINGS = Listening(), Limits(), Threads(), Batching(), ServerSettings()


def serve(
    model: Annotated[Path | None, typer.Option(help="Folder of version folders, named like its model.")] = None,
    model_config_file: Annotated[
        Path | None, typer.Option(help="In place of --model: a model_config_list, in text form.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = _LISTENING.host,
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any.")] = _LISTENING.grpc_port,
    rest_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any.")] = _LISTENING.rest_port,
    poll_seconds: Annotated[
        float, typer.Option(min=0.01, help="Between two looks at the model folders.")
    ] = _SETTINGS.poll_seconds,
    grace_seconds: Annotated[
        float, typer.Option(min=0.0, help="For requests in flight, after SIGTERM.")
    ] = _SETTINGS.grace_seconds,
    max_message_bytes: Annotated[int, typer.Option(min=1, help="Of a request.")] = _LIMITS.message_bytes,
    max_images: Annotated[int, typer.Option(min=1, help="Of a request.")] = _LIMITS.images,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of a request's images together.")] = _LIMITS.pixels,
    max_requests: Annotated[int, typer.Option(min=1, help="Answered or waiting at once.")] = _LIMITS.requests,
    threads: Annotated[
        int, typer.Option(min=1, help="Requests that run at once.", show_default="number of cores")
    ] = _THREADS.requests,
    intra_op_threads: Annotated[
        int, typer.Option(min=1, help="Threads of TensorFlow for one operation.")
    ] = _THREADS.intra_op,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Join requests of one signature, up to so many rows. 1: do not.")
    ] = _BATCHING.size,
    batch_wait_ms: Annotated[
        float, typer.Option(min=0.0, help="For more requests to join. 0: only those that would have to wait anyway.")
    ] = _BATCHING.wait_seconds * 1000,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file; turns TLS on.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="PEM file; only clients with a certificate signed by it are served.")
    ] = None,
) -> None:
    """Serve published models on this machine, over TensorFlow Serving's gRPC and REST protocols.

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 4 bad configuration or usage, 1 anything else.
    """
    if (model is None) == (model_config_file is None):
        raise ConfigurationError(
            "There must be one of --model and --model-config-file.",
            fix="name the folder that holds the numeric version folders, or a file",
        )
    settings = ServerSettings(
        model=model,
        model_config_file=model_config_file,
        poll_seconds=poll_seconds,
        grace_seconds=grace_seconds,
        listening=Listening(host, grpc_port, rest_port, _tls(tls_certificate, tls_key, tls_client_ca)),
        limits=Limits(max_message_bytes, max_images, max_pixels, max_requests),
        threads=Threads(threads, intra_op_threads),
        batching=Batching(batch_size, batch_wait_ms / 1000) if batch_size > 1 else None,
    )
    _serve(settings)


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    if certificate and key:
        return Tls(certificate, key, client_ca)
    if certificate or key or client_ca:
        raise ConfigurationError(
            "TLS takes both --tls-certificate and --tls-key.", fix="name both, or no TLS file at all"
        )
    return None


def _serve(settings: ServerSettings) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # of its own deprecations
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with quiet_imports():
        from serving.server.server import Addresses, Listener
        from serving.server.server import serve as serve_models

    def tell(text: str) -> None:
        # A log on a full disk, or a terminal that has gone, is no reason to stop serving.
        with suppress(OSError):
            console.print(text)

    scheme = "https" if settings.listening.tls else "http"

    def listening(at: Addresses) -> None:
        tell(f"Embedded server: gRPC at {at.host}:{at.grpc_port}, REST at {scheme}://{at.host}:{at.rest_port}")

    def changed(available: dict[str, list[int]]) -> None:
        for name, versions in available.items():
            tell(f"Serving {name}: {', '.join(map(str, versions)) or 'no version yet'}")

    def stopping() -> None:
        tell("Stopping: requests in flight are answered first.")

    asyncio.run(serve_models(settings, Listener(listening, changed, stopping)))
