"""`breast-imaging kubeflow compile` and `compile-retraining`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.data import ConfigOption, SetOption

ImageOption = Annotated[str, typer.Option("--image", help="Image of all steps: REGISTRY/NAME@sha256:DIGEST.")]
OutputOption = Annotated[Path, typer.Option("--output", help="File for the pipeline, as YAML.")]


def compile_(
    config: ConfigOption,
    image: ImageOption,
    output: OutputOption,
    overrides: SetOption = None,
) -> None:
    """Compile the pipeline of a configuration to a file for Kubeflow Pipelines.

    Exit codes: 0 done, 4 bad configuration or usage.
    """
    from kubeflow.image_name import check_image
    from pipeline.cli.quiet import quiet_imports

    check_image(image)  # before what takes seconds to import
    with quiet_imports():
        from kubeflow.compiler import compile_pipeline
        from kubeflow.package import write_package
        from pipeline.config import load_config

    package = compile_pipeline(load_config(config, overrides or []), image)
    write_package(package, output)
    typer.echo(f"{len(package.pipeline.root.dag.tasks)} tasks in {output}")


def compile_retraining(
    config: ConfigOption,
    image: ImageOption,
    output: OutputOption,
    overrides: SetOption = None,
) -> None:
    """Compile `breast-imaging retrain` to a file for Kubeflow Pipelines, to be run at set times.

    Exit codes: 0 done, 4 bad configuration or usage.
    """
    from kubeflow.image_name import check_image
    from pipeline.cli.quiet import quiet_imports

    check_image(image)  # before what takes seconds to import
    with quiet_imports():
        from kubeflow.package import write_package
        from kubeflow.retraining import compiler
        from pipeline.config import load_config

    package = compiler.compile_retraining(load_config(config, overrides or []), image)
    write_package(package, output)
    typer.echo(f"retraining by {config} in {output}")
