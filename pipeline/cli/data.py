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
def generate(
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="New or empty folder for the images.")],
    overrides: SetOption = None,
) -> None:
    """Make a data set that can be made, such as the synthetic one."""
    from pipeline.cli.generate import generate_command

    generate_command(config, data, overrides or [])
