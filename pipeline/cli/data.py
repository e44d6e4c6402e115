"""`breast-imaging data`: looks at data before anybody trains on them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Look at a data set.", no_args_is_help=True)

ConfigOption = Annotated[
    str, typer.Option("--config", help="Name of a shipped configuration, or a YAML file.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a key of the configuration: key.path=value. Repeatable."),
]


@app.callback()
def _root() -> None:
    pass


@app.command()
def describe(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of images.")],
    overrides: SetOption = None,
) -> None:
    """Print counts per class, split and group, image sizes and formats."""
    from pipeline.cli.quiet import quiet_imports

    with quiet_imports():
        from pipeline.cli.describe import describe_command

    describe_command(config, data, overrides or [])


@app.command()
def audit(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of images.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all findings, as JSON.")] = None,
    overrides: SetOption = None,
) -> None:
    """Look for leaks and faults, as the data gate of a run would. Exit code 2 where it would refuse the data."""
    from pipeline.cli.quiet import quiet_imports

    with quiet_imports():
        from pipeline.cli.audit import audit_command

    raise typer.Exit(audit_command(config, data, json_file, overrides or []))


@app.command()
def leakage_gap(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of images.")],
    seeds: Annotated[int, typer.Option("--seeds", help="Repetitions, each with another split.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures, as JSON.")] = None,
    overrides: SetOption = None,
) -> None:
    """Train one cheap model on random splits and on grouped ones: what leakage would have pretended."""
    from pipeline.cli.quiet import quiet_imports

    with quiet_imports():
        from pipeline.cli.leakage_gap import leakage_gap_command

    leakage_gap_command(config, data, seeds, json_file, overrides or [])


@app.command()
def generate(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="New or empty folder for the images.")],
    overrides: SetOption = None,
) -> None:
    """Make a data set that can be made, such as the synthetic one."""
    from pipeline.cli.generate import generate_command

    generate_command(config, data, overrides or [])
