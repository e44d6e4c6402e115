"""What the runners for TFX's command line have in common: environment variables in, an exit code out."""

import sys
import traceback
from collections.abc import Callable, Mapping

from pipeline.config import Config, load_config
from pipeline.failures import explain


def read_config(environment: Mapping[str, str]) -> Config:
    """The configuration named by BREAST_IMAGING_CONFIG, with the overrides of BREAST_IMAGING_SET.

    Raises as `load_config` does.
    """
    overrides = [text for text in environment.get("BREAST_IMAGING_SET", "").split(";") if text.strip()]
    return load_config(environment.get("BREAST_IMAGING_CONFIG", "synthetic"), overrides)


def exit_code_of(run: Callable[[Mapping[str, str]], None], environment: Mapping[str, str]) -> int:
    """Runs, and returns the exit code. A failure's traceback and message go to standard error."""
    try:
        run(environment)
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes a message
        explained = explain(error)
        traceback.print_exc()
        print(explained, file=sys.stderr)
        return explained.exit_code
    return 0
