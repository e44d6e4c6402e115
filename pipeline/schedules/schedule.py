"""What is run at set times."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.config import Config, shipped_configs
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError

PROGRAM: Final = "breast-imaging"
_DIGITS: Final = 8


@dataclass(frozen=True)
class Schedule:
    """A retraining to be started again and again. All paths are absolute.

    Attributes:
        name: of the units, and of the lines in a crontab; one for each output folder.
        command: the program and its arguments.
        working_directory: to which relative paths in the configuration refer.
    """

    name: str
    command: tuple[str, ...]
    working_directory: Path
    data: Path
    output: OutputFolder


def schedule_name(config: Config, output: OutputFolder) -> str:
    """The same for the same output folder, whose lock keeps two retrainings apart."""
    digest = hashlib.sha256(str(output.root).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{PROGRAM}-retrain-{config.name}-{digest[:_DIGITS]}"


def make_schedule(
    config: Config, config_name: str, data: Path, output: OutputFolder, overrides: Sequence[str]
) -> Schedule:
    """Of the command line that was given, with all paths absolute.

    Raises ConfigurationError where neither systemd nor cron can hold it.
    """
    named = config_name if config_name in shipped_configs() else str(Path(config_name).absolute())
    options = ["--config", named, "--data", str(data.absolute()), "--output", str(output.root)]
    for override in overrides:
        options += ["--set", override]
    schedule = Schedule(
        name=schedule_name(config, output),
        command=(str(_program()), "retrain", *options),
        working_directory=Path.cwd(),
        data=data.absolute(),
        output=output,
    )
    _check_characters(schedule)
    return schedule


def _program() -> Path:
    # Beside the interpreter, and not resolved: where that leads out of its environment, the program does not.
    program = Path(sys.executable).with_name(PROGRAM)
    if not program.is_file():
        raise ConfigurationError(
            f"The program {program} is not there, which the schedule would start.",
            fix="install the project into the environment that you schedule from (make env)",
        )
    return program


def _check_characters(schedule: Schedule) -> None:
    for word in (*schedule.command, str(schedule.working_directory)):
        if not word.isprintable():
            raise ConfigurationError(
                f"{word!r} holds a line end or another character that neither a unit of systemd nor a crontab can.",
                fix="rename the folder or file, or put the setting into the configuration file",
            )
