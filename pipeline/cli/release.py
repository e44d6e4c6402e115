"""`breast-imaging release`: which versions of a model servers serve, and under which labels."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import server_options

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
def list_versions(
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    deadline: server_options.DeadlineOption = 10.0,
    tls: server_options.TlsOption = False,
    tls_ca: server_options.TlsCaOption = None,
    tls_certificate: server_options.TlsCertificateOption = None,
    tls_key: server_options.TlsKeyOption = None,
    tls_server_name: server_options.TlsServerNameOption = "",
) -> None:
    """Show versions, their states and labels. Exit code 1 where servers and file name different versions."""
    from pipeline.cli.release_commands import Target, list_command

    encryption = server_options.make_tls(tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    raise typer.Exit(list_command(Target(addresses, file, model_name, deadline, encryption)))


@app.command()
def canary(
    version: Annotated[int, typer.Argument(help="Version to try beside the stable one.", min=0)],
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
    tls: server_options.TlsOption = False,
    tls_ca: server_options.TlsCaOption = None,
    tls_certificate: server_options.TlsCertificateOption = None,
    tls_key: server_options.TlsKeyOption = None,
    tls_server_name: server_options.TlsServerNameOption = "",
) -> None:
    """Load a version and label it canary.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, canary_command

    encryption = server_options.make_tls(tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    canary_command(Target(addresses, file, model_name, deadline, encryption), version, wait)


@app.command()
def promote(
    addresses: AddressOption,
    file: FileOption,
    version: Annotated[
        int | None, typer.Argument(help="Version to make stable.", show_default="the canary", min=0)
    ] = None,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
    tls: server_options.TlsOption = False,
    tls_ca: server_options.TlsCaOption = None,
    tls_certificate: server_options.TlsCertificateOption = None,
    tls_key: server_options.TlsKeyOption = None,
    tls_server_name: server_options.TlsServerNameOption = "",
) -> None:
    """Label a version stable, and the one that was stable before previous.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, promote_command

    encryption = server_options.make_tls(tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    promote_command(Target(addresses, file, model_name, deadline, encryption), version, wait)


@app.command()
def rollback(
    addresses: AddressOption,
    file: FileOption,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    wait: WaitOption = 300.0,
    deadline: server_options.DeadlineOption = 10.0,
    tls: server_options.TlsOption = False,
    tls_ca: server_options.TlsCaOption = None,
    tls_certificate: server_options.TlsCertificateOption = None,
    tls_key: server_options.TlsKeyOption = None,
    tls_server_name: server_options.TlsServerNameOption = "",
) -> None:
    """Label the version stable that was so before the last promotion, and drop the one that is so now.

    Exit codes: 0 done, 4 bad usage, 1 not done, and all is as it was before.
    """
    from pipeline.cli.release_commands import Target, rollback_command

    encryption = server_options.make_tls(tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    rollback_command(Target(addresses, file, model_name, deadline, encryption), wait)
