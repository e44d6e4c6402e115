"""The runner for `tfx pipeline create --engine=kubeflow` and its like, through `python -m kubeflow.tfx_cli`.

Environment variables say what to compile:
    BREAST_IMAGING_IMAGE   image of all steps: REGISTRY/NAME@sha256:DIGEST. There is no default.
    BREAST_IMAGING_CONFIG  name or file of a configuration; `synthetic` where unset.
    BREAST_IMAGING_OUTPUT  file for the pipeline; `pipeline.yaml` where unset.
    BREAST_IMAGING_SET     overrides, `key.path=value`, separated by semicolons.
"""

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from kubeflow.compiler import compile_pipeline
from kubeflow.package import write_package
from pipeline.config import load_config
from pipeline.failures import explain
from schema.errors import ConfigurationError


def main(environment: Mapping[str, str]) -> int:
    """Compiles what the environment describes, and returns the exit code."""
    try:
        overrides = [text for text in environment.get("BREAST_IMAGING_SET", "").split(";") if text.strip()]
        config = load_config(environment.get("BREAST_IMAGING_CONFIG", "synthetic"), overrides)
        package = compile_pipeline(config, _image(environment))
        write_package(package, Path(environment.get("BREAST_IMAGING_OUTPUT", "pipeline.yaml")))
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes a message
        explained = explain(error)
        traceback.print_exc()
        print(explained, file=sys.stderr)
        return explained.exit_code
    return 0


def _image(environment: Mapping[str, str]) -> str:
    if image := environment.get("BREAST_IMAGING_IMAGE"):
        return image
    raise ConfigurationError(
        "No image is named.", fix="name one in BREAST_IMAGING_IMAGE: REGISTRY/NAME@sha256:DIGEST"
    )


if __name__ == "__main__":
    if exit_code := main(os.environ):
        sys.exit(exit_code)
