"""The runner for `tfx pipeline create --engine=kubeflow` and its like, through `python -m kubeflow.tfx_cli`.

Environment variables say what to compile:
    BREAST_IMAGING_IMAGE   image of all steps: REGISTRY/NAME@sha256:DIGEST. There is no default.
    BREAST_IMAGING_CONFIG  name or file of a configuration; `synthetic` where unset.
    BREAST_IMAGING_OUTPUT  file for the pipeline; `pipeline.yaml` where unset.
    BREAST_IMAGING_SET     overrides, `key.path=value`, separated by semicolons.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from kubeflow.compiler import compile_pipeline
from kubeflow.package import write_package
from pipeline.tfx_runners import exit_code_of, read_config
from schema.errors import ConfigurationError


def main(environment: Mapping[str, str]) -> int:
    """Compiles what the environment describes, and returns the exit code."""
    return exit_code_of(_compile, environment)


def _compile(environment: Mapping[str, str]) -> None:
    package = compile_pipeline(read_config(environment), _image(environment))
    write_package(package, Path(environment.get("BREAST_IMAGING_OUTPUT", "pipeline.yaml")))


def _image(environment: Mapping[str, str]) -> str:
    if image := environment.get("BREAST_IMAGING_IMAGE"):
        return image
    raise ConfigurationError(
        "No image is named.", fix="name one in BREAST_IMAGING_IMAGE: REGISTRY/NAME@sha256:DIGEST"
    )


if __name__ == "__main__":
    if exit_code := main(os.environ):
        sys.exit(exit_code)
