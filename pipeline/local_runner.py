"""The runner for `tfx pipeline create --engine=local` and `tfx run create --engine=local`.

Environment variables say what to run:
    BREAST_IMAGING_CONFIG  name or file of a configuration; `synthetic` where unset.
    BREAST_IMAGING_DATA    the folder of images; made where unset and the data set can be made.
    BREAST_IMAGING_OUTPUT  the output folder; `runs/<name>` where unset.
    BREAST_IMAGING_SET     overrides, `key.path=value`, separated by semicolons.
"""

import os
import sys
from collections.abc import Mapping

from pipeline.local import run_locally
from pipeline.output import open_output
from pipeline.sources import default_output, prepare_data
from pipeline.tfx_runners import exit_code_of, read_config


def main(environment: Mapping[str, str]) -> int:
    """Runs the pipeline that the environment describes, and returns the exit code."""
    return exit_code_of(_run, environment)


def _run(environment: Mapping[str, str]) -> None:
    config = read_config(environment)
    output = open_output(default_output(environment.get("BREAST_IMAGING_OUTPUT"), config))
    run_locally(config, prepare_data(environment.get("BREAST_IMAGING_DATA"), config, output), output)


if __name__ == "__main__":
    if exit_code := main(os.environ):
        sys.exit(exit_code)
