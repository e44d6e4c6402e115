"""`breast-imaging release`: which versions of a model servers serve, and under which labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import server_options

if TYPE_CHECKING:
    from serving.client.settings import Tls

app = typer.Typer(help="Move the labels of served versions.", no_args_is_help=True)

AddressOption = Annotated[
    list[str],
    typer.Option(
        "--address", help="HOST:PORT of a server, its gRPC port. Repeatable: every server that uses the file."
    ),
]
FileOption = Annotated[
    Path, typer.Option("--model-config-file", help="Configuration file of these servers (model_config_list).")
]
WaitOption = Annotated[float, typer.Option("--wait", help="Seconds in which a version has to be loaded.", min=1)]


@app.callback()
def _root() -> None:
    pass


@app.command("list")
@server_options.may_encrypt
def list_versions(
    tls: "Tls | None",
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    deadline: server_options.DeadlineOption = 10.0,
) -> None:
    """Show versions, their states and labels. Exit code 1 where servers and file name different versions."""
    from pipeline.cli.release_commands import Target, list_command

    raise typer.Exit(list_command(Target(addresses, file, model_name, deadline, tls)))


@app.command()
@server_options.may_encrypt
def canary(
    tls: "Tls | None",
    version: Annotated[int, typer.Argument(help="Version to try beside the stable one.", min=0)],
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
) -> None:
    """Load a version and label it canary.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, canary_command

    canary_command(Target(addresses, file, model_name, deadline, tls), version, wait)


@app.command()
@server_options.may_encrypt
def promote(
    tls: "Tls | None",
    addresses: AddressOption,
    file: FileOption,
    version: Annotated[
        int | None, typer.Argument(help="Version to make stable.", show_default="the canary", min=0)
    ] = None,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
) -> None:
    """Label a version stable, and the one that was stable before previous.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, promote_command

    promote_command(Target(addresses, file, model_name, deadline, tls), version, wait)


@app.command()
@server_options.may_encrypt
def rollback(
    tls: "Tls | None",
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
) -> None:
    """Label the version stable that was so before the last promotion, and drop the one that is so now.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, rollback_command

    rollback_command(Target(addresses, file, model_name, deadline, tls), wait)
