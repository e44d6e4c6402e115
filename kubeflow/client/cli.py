"""`breast-imaging kubeflow upload`, `run`, `schedule`, `unschedule`, `status` and `terminate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubeflow.client.options import asks_server
from schema.errors import ConfigurationError

if TYPE_CHECKING:
    from kubeflow.client.commands import Target

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


@asks_server
def upload(
    target: "Target",
    file: FileArgument,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the pipeline.", show_default="that in the file")
    ] = None,
    version_name: Annotated[
        str | None,
        typer.Option("--version-name", help="Name of the version, before the file's digest.", show_default="--name"),
    ] = None,
) -> None:
    """Upload a compiled pipeline as a new version. The same bytes become a version once.

    Exit codes: 0 the version is there, 4 bad usage or refused by the server, 1 no answer or anything else.
    """
    from kubeflow.client.commands import upload_command

    upload_command(target, file, name, version_name)


@asks_server
def run(
    target: "Target",
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
) -> None:
    """Run an uploaded pipeline, or a file. Ctrl-C ends the waiting, and not the run.

    Exit codes: 0 the run succeeded (with --no-wait: was started), 4 bad usage or refused by the server, 1 the run
    failed, was skipped or canceled, or nobody knows, or the waiting was ended.
    """
    from kubeflow.client.commands import UploadedVersion, run_command, show_run_command, wait_command
    from kubeflow.client.compiled_file import read_compiled_file

    if (file is None) == (pipeline is None) or (file and version):
        raise ConfigurationError(
            "A pipeline is either on the server or in a file.", fix="name FILE.yaml, or --pipeline and its --version"
        )
    what = read_compiled_file(file) if file else UploadedVersion(pipeline or "", version)
    run_id = run_command(target, what, parameters or [], experiment, name)
    if wait:
        raise typer.Exit(wait_command(target, run_id, interval))
    show_run_command(target, run_id)


@asks_server
def schedule(
    target: "Target",
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
) -> None:
    """Run an uploaded pipeline at set times, one run at a time; replaces the schedule of the same name.

    Never are two active. Where this is cut off, the same command finishes it.

    Exit codes: 0 scheduled, 4 bad usage or refused by the server, 1 no answer or anything else.
    """
    from kubeflow.client.commands import UploadedVersion, schedule_command

    what = UploadedVersion(pipeline, version)
    schedule_command(target, cron, what, parameters or [], experiment, name)


@asks_server
def unschedule(
    target: "Target",
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")],
) -> None:
    """End a schedule. Runs that have begun go on.

    Exit codes: 0 ended, 4 bad usage, refused by the server or no such schedule, 1 no answer or anything else.
    """
    from kubeflow.client.commands import unschedule_command

    unschedule_command(target, name)


@asks_server
def status(
    target: "Target",
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN_ID]", help="Show this run with its tasks.", show_default="an overview"),
    ] = None,
    experiment: Annotated[str | None, typer.Option("--experiment", help="Show only its runs.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Runs to show, latest first.")] = 10,
) -> None:
    """Show schedules and runs, their states and where the UI has them.

    Exit codes: 0 shown, 4 bad usage, refused by the server or no such run, 1 no answer or anything else.
    """
    from kubeflow.client.commands import show_run_command, status_command

    if run_id:
        show_run_command(target, run_id)
    else:
        status_command(target, experiment, limit)


@asks_server
def terminate(
    target: "Target",
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")],
) -> None:
    """Ask the server to terminate a run.

    Exit codes: 0 asked, 4 bad usage, refused by the server or no such run, 1 no answer or anything else.
    """
    from kubeflow.client.commands import terminate_command

    terminate_command(target, run_id)
