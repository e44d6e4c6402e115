"""`breast-imaging kubeflow simulate`. What it needs is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="A compiled pipeline.", show_default=False)],
    work: Annotated[
        Path, typer.Option("--work", help="Folder for what a cluster would keep: objects, volumes, cache, logs.")
    ],
    parameters: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the run. Repeatable.")
    ] = None,
    volumes: Annotated[
        list[str] | None,
        typer.Option(
            "--volume", metavar="CLAIM=DIR", help="Folder for a volume claim. Repeatable.  [WORK/volumes/CLAIM]"
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Take no results of earlier runs.")] = False,
    retry: Annotated[
        str, typer.Option("--retry", metavar="RUN", help="A run that has not ended well: do the rest of it.")
    ] = "",
) -> None:
    """Run a compiled pipeline without a cluster, task by task, as Kubeflow Pipelines would.

    Exit codes: 0 all tasks ended well, 4 the pipeline or its parameters would be refused; else that of the first task
    that failed: 2 data rejected, 3 model not blessed, 1 anything else.
    """
    from kubeflow.simulator.display import run_and_show
    from kubeflow.simulator.simulate import Options
    from kubeflow.simulator.volumes import claim_folders

    folders = claim_folders(volumes or [])
    run_and_show(file, work, Options(parameters or [], folders, use_cache=not no_cache, retry=retry))
