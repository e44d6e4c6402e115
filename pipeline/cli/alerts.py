"""`breast-imaging alerts`. What a command needs is imported when it runs."""

import typer

from pipeline.cli.data import ConfigOption, SetOption

app = typer.Typer(help="Try the alerts of retraining.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


@app.command()
def test(config: ConfigOption, overrides: SetOption = None) -> None:
    """Send an alert that is marked as a test over every channel of the configuration.

    Exit codes: 0 all delivered, 4 bad configuration or usage, 1 anything else.
    """
    from pipeline.cli.alert_commands import test_command

    raise typer.Exit(test_command(config, overrides or []))
