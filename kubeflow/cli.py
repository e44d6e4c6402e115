"""`breast-imaging kubeflow`: the same graph on Kubeflow Pipelines. What a command needs is imported when it runs."""

import typer

from kubeflow.compile_command import compile_
from kubeflow.simulate_command import simulate

app = typer.Typer(help="Compile, try, run and schedule the pipeline on Kubeflow Pipelines.", no_args_is_help=True)
app.command("compile")(compile_)
app.command()(simulate)


@app.callback()
def _root() -> None:
    pass
