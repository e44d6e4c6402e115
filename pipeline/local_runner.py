"""The runner for `tfx pipeline create --engine=local` and `tfx run create --engine=local`.

Environment variables say what to run:
    BREAST_IMAGING_CONFIG  name or file of a configuration; `synthetic` where unset.
    BREAST_IMAGING_DATA    the folder of images; made where unset and the data set can be made.
    BREAST_IMAGING_OUTPUT  the output folder; `runs/<name>` where unset.
    BREAST_IMAGING_SET     overrides, `key.path=value`, separated by semicolons.
"""

import os
import sys
import traceback
from collections.abc import Mapping

from pipeline.config import load_config
from pipeline.failures import explain
from pipeline.local import run_locally
from pipeline.output import open_output
from pipeline.sources import default_output, prepare_data


def main(environment: Mapping[str, str]) -> int:
    """Runs the pipeline that the environment describes, and returns the exit code."""
    try:
        overrides = [text for text in environment.get("BREAST_IMAGING_SET", "").split(";") if text.strip()]
        config = load_config(environment.get("BREAST_IMAGING_CONFIG", "synthetic"), overrides)
        output = open_output(default_output(environment.get("BREAST_IMAGING_OUTPUT"), config))
        run_locally(config, prepare_data(environment.get("BREAST_IMAGING_DATA"), config, output), output)
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes a message
        explained = explain(error)
        traceback.print_exc()
        print(explained, file=sys.stderr)
        return explained.exit_code
    return 0


if __name__ == "__main__":
    if exit_code := main(os.environ):
        sys.exit(exit_code)
