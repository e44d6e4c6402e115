"""`breast-imaging kubeflow`: the same graph on Kubeflow Pipelines. What a command needs is imported when it runs."""

import typer

from kubeflow.client import cli as client_cli
from kubeflow.compile_command import compile_, compile_retraining
from kubeflow.simulate_command import simulate

app = typer.Typer(help="Compile, try, run and schedule the pipeline on Kubeflow Pipelines.", no_args_is_help=True)
app.command("compile")(compile_)
app.command()(compile_retraining)
app.command()(simulate)
app.command()(client_cli.upload)
app.command()(client_cli.run)
app.command()(client_cli.schedule)
app.command()(client_cli.unschedule)
app.command()(client_cli.status)
app.command()(client_cli.terminate)


@app.callback()
def _root() -> None:
    pass
