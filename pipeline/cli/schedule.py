"""`breast-imaging schedule`. What a command needs is imported when it runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.data import ConfigOption, SetOption

app = typer.Typer(help="Retrain at set times on this machine.", no_args_is_help=True)


class Engine(StrEnum):
    SYSTEMD = "systemd"
    CRON = "cron"


OutputOption = Annotated[
    Path | None, typer.Option("--output", help="Folder for results.", show_default="runs/<name>")
]
EngineOption = Annotated[Engine, typer.Option("--engine", help="What starts the retraining.")]
SystemOption = Annotated[
    bool, typer.Option("--system/--user", help="systemd's units of the machine, or of this user.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")]


@app.callback()
def _root() -> None:
    pass


@app.command()
def install(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of spans.")],
    output: OutputOption = None,
    every: Annotated[
        str | None, typer.Option("--every", help="For systemd: a calendar event, such as 'Sun 02:00'.")
    ] = None,
    cron: Annotated[str | None, typer.Option("--cron", help="For cron: five fields, such as '0 2 * * 0'.")] = None,
    engine: EngineOption = Engine.SYSTEMD,
    system: SystemOption = False,
    run_as: Annotated[
        str | None, typer.Option("--run-as", help="With --system: the user that retrains; not root.")
    ] = None,
    time_limit: Annotated[
        int, typer.Option("--time-limit", min=1, max=720, help="For systemd: hours after which it is stopped.")
    ] = 24,
    dry_run: DryRunOption = False,
    overrides: SetOption = None,
) -> None:
    """Retrain at set times from now on; the same again changes the times of the same output folder.

    Exit codes: 0 done, 4 bad configuration or usage, 1 systemd or cron refused, and all is as it was before.
    """
    from pipeline.cli.schedule_commands import Target, Times, install_command, preview_command

    act = preview_command if dry_run else install_command
    act(Target(config, output, overrides or [], engine, system), data, Times(every, cron, run_as, time_limit))


@app.command()
def remove(
    config: ConfigOption,
    output: OutputOption = None,
    engine: EngineOption = Engine.SYSTEMD,
    system: SystemOption = False,
    overrides: SetOption = None,
) -> None:
    """Start no retraining of this output folder any more; one that runs is left to end.

    Exit codes: 0 done, or nothing was installed, 4 bad configuration or usage, 1 systemd or cron refused.
    """
    from pipeline.cli.schedule_commands import Target, remove_command

    remove_command(Target(config, output, overrides or [], engine, system))


@app.command()
def show(
    config: ConfigOption,
    output: OutputOption = None,
    engine: EngineOption = Engine.SYSTEMD,
    system: SystemOption = False,
    overrides: SetOption = None,
) -> None:
    """Show what is installed for this output folder, and when it runs next.

    Exit codes: 0 installed, 4 bad configuration or usage, 1 not installed, or systemd or cron refused.
    """
    from pipeline.cli.schedule_commands import Target, show_command

    raise typer.Exit(show_command(Target(config, output, overrides or [], engine, system)))
