"""TFX's command line with a `--engine=kubeflow` that works: `python -m kubeflow.tfx_cli pipeline create ...`.

Exit codes: 0 done, 4 bad usage or refused by the server, 1 anything else.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click
from tfx.tools.cli import labels
from tfx.tools.cli.cli_main import cli_group
from tfx.tools.cli.handler import handler_factory
from tfx.tools.cli.handler.base_handler import BaseHandler
from tfx.tools.cli.handler.local_handler import LocalHandler

from kubeflow.tfx_handler import KubeflowHandler
from pipeline.failures import explain
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_FAILED, ConfigurationError


def create_handler(flags: dict[str, Any]) -> BaseHandler:
    """The handler of an engine. Unlike TFX's own choice, it needs no `pip` on the PATH."""
    engine = flags[labels.ENGINE_FLAG]
    if engine == labels.KUBEFLOW_ENGINE:
        return KubeflowHandler(flags)
    if engine == labels.LOCAL_ENGINE:
        return LocalHandler(flags)
    raise ConfigurationError(
        f"--engine={engine} is not supported.", fix="use --engine=kubeflow, or --engine=local for this machine"
    )


def run_tfx(arguments: Sequence[str]) -> int:
    """Runs TFX's command line, and returns the exit code. Every failure ends in one message on standard error."""
    handler_factory.create_handler = create_handler  # TFX's commands look it up there
    try:
        cli_group(list(arguments), standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_BAD_CONFIGURATION
    except SystemExit as ended:  # TFX's way to fail, with a number or a message
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return EXIT_FAILED
        return ended.code or 0
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes a message
        explained = explain(error)
        print(explained, file=sys.stderr)
        return explained.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run_tfx(sys.argv[1:]))
