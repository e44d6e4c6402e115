"""`breast-imaging kubeflow compile` and `compile-retraining`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubeflow.image_name import check_image
from pipeline.cli.data import ConfigOption, SetOption
from pipeline.cli.quiet import quiet_imports

if TYPE_CHECKING:
    from kubeflow.package import Package
    from pipeline.config import Config

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
    check_image(image)  # before what takes seconds to import
    with quiet_imports():
        from kubeflow.compiler import compile_pipeline

    package = _write(compile_pipeline, config, overrides, image, output)
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
    check_image(image)  # before what takes seconds to import
    with quiet_imports():
        from kubeflow.retraining import compiler

    _write(compiler.compile_retraining, config, overrides, image, output)
    typer.echo(f"retraining by {config} in {output}")


def _write(
    compiler: Callable[["Config", str], "Package"], config: str, overrides: list[str] | None, image: str, output: Path
) -> "Package":
    from kubeflow.package import write_package
    from pipeline.config import load_config

    package = compiler(load_config(config, overrides or []), image)
    write_package(package, output)
    return package
