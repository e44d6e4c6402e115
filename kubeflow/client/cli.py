"""`breast-imaging kubeflow upload`, `run`, `schedule`, `unschedule`, `status` and `terminate`."""

from pathlib import Path
from typing import Annotated

import typer

from kubeflow.client import options
from schema.errors import ConfigurationError

FileArgument = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Compiled pipeline.")]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Name or id of the version.", show_default="the latest")
]
ParameterOption = Annotated[
    list[str] | None, typer.Option("--param", help="Parameter of the pipeline, NAME=VALUE. Repeatable.")
]
ExperimentOption = Annotated[
    str | None, typer.Option("--experiment", help="Experiment of its runs.", show_default="the pipeline's name")
]


def upload(
    file: FileArgument,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the pipeline.", show_default="that in the file")
    ] = None,
    version_name: Annotated[
        str | None,
        typer.Option("--version-name", help="Name of the version, before the file's digest.", show_default="--name"),
    ] = None,
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """Upload a compiled pipeline as a new version. The same bytes become a version once.

    Exit codes: 0 the version is there, 4 bad usage or refused by the server, 1 no answer or anything else.
    """
    from kubeflow.client.commands import Target, upload_command

    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    upload_command(Target(settings, as_json), file, name, version_name)


def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.yaml]", help="Compiled pipeline, run without an upload.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="Name of an uploaded pipeline.")] = None,
    version: VersionOption = None,
    parameters: ParameterOption = None,
    experiment: ExperimentOption = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run.", show_default="the pipeline's, and the time")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the end, and show how tasks get on.")
    ] = True,
    interval: Annotated[
        float, typer.Option("--interval", min=0.05, help="Seconds between two looks while waiting.")
    ] = 5.0,
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """Run an uploaded pipeline, or a file. Ctrl-C ends the waiting, and not the run.

    Exit codes: 0 the run succeeded (with --no-wait: was started), 4 bad usage or refused by the server, 1 the run
    failed, was skipped or canceled, or nobody knows, or the waiting was ended.
    """
    from kubeflow.client.commands import Target, UploadedVersion, run_command, show_run_command, wait_command
    from kubeflow.client.compiled_file import read_compiled_file

    if (file is None) == (pipeline is None) or (file and version):
        raise ConfigurationError(
            "A pipeline is either on the server or in a file.", fix="name FILE.yaml, or --pipeline and its --version"
        )
    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    target = Target(settings, as_json)
    what = read_compiled_file(file) if file else UploadedVersion(pipeline or "", version)
    run_id = run_command(target, what, parameters or [], experiment, name)
    if wait:
        raise typer.Exit(wait_command(target, run_id, interval))
    show_run_command(target, run_id)


def schedule(
    cron: Annotated[
        str, typer.Option("--cron", help="Six fields, seconds first: '0 0 2 * * *' is every night at two.")
    ],
    pipeline: Annotated[str, typer.Option("--pipeline", help="Name of an uploaded pipeline.")],
    version: VersionOption = None,
    parameters: ParameterOption = None,
    experiment: ExperimentOption = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the schedule.", show_default="the pipeline's")
    ] = None,
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """Run an uploaded pipeline at set times, one run at a time; replaces the schedule of the same name.

    Never are two active. Where this is cut off, the same command finishes it.

    Exit codes: 0 scheduled, 4 bad usage or refused by the server, 1 no answer or anything else.
    """
    from kubeflow.client.commands import Target, UploadedVersion, schedule_command

    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    what = UploadedVersion(pipeline, version)
    schedule_command(Target(settings, as_json), cron, what, parameters or [], experiment, name)


def unschedule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")],
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """End a schedule. Runs that have begun go on.

    Exit codes: 0 ended, 4 bad usage, refused by the server or no such schedule, 1 no answer or anything else.
    """
    from kubeflow.client.commands import Target, unschedule_command

    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    unschedule_command(Target(settings, as_json), name)


def status(
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN_ID]", help="Show this run with its tasks.", show_default="an overview"),
    ] = None,
    experiment: Annotated[str | None, typer.Option("--experiment", help="Show only its runs.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Runs to show, latest first.")] = 10,
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """Show schedules and runs, their states and where the UI has them.

    Exit codes: 0 shown, 4 bad usage, refused by the server or no such run, 1 no answer or anything else.
    """
    from kubeflow.client.commands import Target, show_run_command, status_command

    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    target = Target(settings, as_json)
    if run_id:
        show_run_command(target, run_id)
    else:
        status_command(target, experiment, limit)


def terminate(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")],
    endpoint: options.EndpointOption = None,
    port_forward: options.PortForwardOption = False,
    server_namespace: options.ServerNamespaceOption = options.DEFAULT_SERVER_NAMESPACE,
    kube_context: options.KubeContextOption = None,
    namespace: options.NamespaceOption = "",
    token_file: options.TokenFileOption = None,
    tls_ca: options.TlsCaOption = None,
    deadline: options.DeadlineOption = options.DEFAULT_DEADLINE,
    as_json: options.JsonOption = False,
) -> None:
    """Ask the server to terminate a run.

    Exit codes: 0 asked, 4 bad usage, refused by the server or no such run, 1 no answer or anything else.
    """
    from kubeflow.client.commands import Target, terminate_command

    settings = options.make_settings(
        endpoint, port_forward, server_namespace, kube_context, namespace, token_file, tls_ca, deadline
    )
    terminate_command(Target(settings, as_json), run_id)
