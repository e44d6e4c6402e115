"""`breast-imaging run`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipeline.cli.job import do_job
from pipeline.config import Config
from pipeline.events import ComponentFinished, Event
from pipeline.output import OutputFolder
from pipeline.summary import check_published, print_summary, read_summary
from pipeline.worker import RunJob
from schema.errors import EXIT_PUBLISHED


def run_command(
    config_name: str, data: Path | None, output_path: Path | None, overrides: Sequence[str], debug: bool
) -> int:
    """Runs the pipeline and shows it. Raises BreastImagingError as the exit codes say."""
    console = Console()

    def finish(config: Config, output: OutputFolder, events: Sequence[Event]) -> int:
        content = read_summary(output)
        print_summary(content, output, console)
        pushers = [event for event in events if isinstance(event, ComponentFinished) and event.component == "Pusher"]
        if all(event.cached for event in pushers):
            console.print("Nothing changed since an earlier run, so nothing was published anew.")
        check_published(content)
        return EXIT_PUBLISHED

    return do_job(RunJob(), config_name, data, output_path, overrides, debug, console, finish)
