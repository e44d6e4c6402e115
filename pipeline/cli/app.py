"""`breast-imaging app`. What it needs is imported when it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from schema.errors import EXIT_PUBLISHED, ConfigurationError


def show_page(
    address: Annotated[str, typer.Option(help="HOST:PORT of the server's gRPC port.")] = "localhost:8500",
    model_name: Annotated[str, typer.Option(help="The model's name on the server.")] = "breast_imaging",
    model_version: Annotated[
        int | None, typer.Option(min=0, help="Version to ask; the server chooses where none is given.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Folder where the model is published; shows its card.")] = None,
    host: Annotated[str, typer.Option(help="Address that the page listens at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 8502,
    deadline: Annotated[float, typer.Option(min=0.1, help="Seconds for the answer to one image.")] = 30.0,
    max_upload_mb: Annotated[int, typer.Option(min=1, max=512, help="Largest file to upload, MiB.")] = 64,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt the connection to the server.")] = False,
    tls_ca: Annotated[Path | None, typer.Option(help="PEM file that signs the server's certificate.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file of this client.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of this client.")] = None,
) -> None:
    """Show in the browser what a served model says of images. For research only; not for diagnosis.

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 4 bad configuration or usage, 1 anything else.
    """
    from serving.app.server import run_server
    from serving.app.settings import AppSettings
    from serving.app.standing import describe, find_standing

    settings = AppSettings(
        address=address,
        model=model_name,
        version=model_version,
        deadline=deadline,
        upload_megabytes=max_upload_mb,
        model_folder=_existing(model),
        tls=tls or any((tls_ca, tls_certificate, tls_key)),
        ca=tls_ca,
        certificate=tls_certificate,
        key=tls_key,
    )
    with settings.connect_for_status() as client:
        print(describe(find_standing(client, settings.model), settings.model, settings.address), file=sys.stderr)
    run_server(settings, host, port)
    raise typer.Exit(EXIT_PUBLISHED)


def _existing(folder: Path | None) -> Path | None:
    if folder is not None and not folder.is_dir():
        raise ConfigurationError(
            f"There is no folder {folder}.", fix="name the one that holds the versions: runs/NAME/serving/MODEL"
        )
    return folder.resolve() if folder else None
