"""`breast-imaging app`. What it needs is imported when it runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import server_options
from schema.errors import ConfigurationError

if TYPE_CHECKING:
    from serving.client.settings import Tls


@server_options.may_encrypt
def show_page(
    tls: "Tls | None",
    address: Annotated[str, typer.Option(help="HOST:PORT of the server's gRPC port.")] = "localhost:8500",
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    version: Annotated[int | None, typer.Option("--version", help="Version to ask.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Label of the version to ask: stable, say.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder where the model is published; shows its card.")] = None,
    host: Annotated[str, typer.Option(help="Address that the page listens at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 8502,
    max_upload_mb: Annotated[int, typer.Option(min=1, max=512, help="Largest file to upload, MiB.")] = 64,
    deadline: server_options.DeadlineOption = 30.0,
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
        version=version,
        label=label,
        deadline=deadline,
        tls=tls,
        upload_megabytes=max_upload_mb,
        model_folder=_existing(model),
    )
    with settings.connect_for_status() as client:
        print(describe(find_standing(client, settings.model), settings.model, settings.address), file=sys.stderr)
    run_server(settings, host, port)


def _existing(folder: Path | None) -> Path | None:
    if folder is not None and not folder.is_dir():
        raise ConfigurationError(
            f"There is no folder {folder}.", fix="name the one that holds the versions: runs/NAME/serving/MODEL"
        )
    return folder.resolve() if folder else None
