"""`breast-imaging run`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipeline.config import load_config
from pipeline.display import make_display
from pipeline.events import ComponentFinished, Event, RunFailed
from pipeline.output import open_output
from pipeline.session import RunInterruptedError, run_session
from pipeline.sources import default_output, prepare_data
from pipeline.summary import check_published, print_summary, read_summary
from schema.errors import EXIT_FAILED, EXIT_PUBLISHED


def run_command(
    config_name: str, data: Path | None, output_path: Path | None, overrides: Sequence[str], debug: bool
) -> int:
    """Runs the pipeline and shows it. Raises BreastImagingError as the exit codes say."""
    console = Console()
    config = load_config(config_name, overrides)
    output = open_output(default_output(str(output_path) if output_path else None, config))
    with console.status("Preparing the data"):
        folder = prepare_data(str(data) if data else None, config, output)
    console.print(f"Running {config.name}: {folder} -> {output.root}", highlight=False, soft_wrap=True, markup=False)
    finished: list[ComponentFinished] = []

    def show(event: Event) -> None:
        if isinstance(event, ComponentFinished):
            finished.append(event)
        display.show(event)

    try:
        with make_display(console) as display:
            ended = run_session(config, folder, output, show)
    except RunInterruptedError:
        print(
            "\nInterrupted. Finished components are kept and published versions untouched; the same command"
            " carries on from there.",
            file=sys.stderr,
        )
        return EXIT_FAILED
    if isinstance(ended, RunFailed):
        _print_failure(ended, output.logs, debug)
        return ended.exit_code
    content = read_summary(output)
    print_summary(content, output, console)
    if all(event.cached for event in finished if event.component == "Pusher"):
        console.print("Nothing changed since an earlier run, so nothing was published anew.")
    check_published(content)
    return EXIT_PUBLISHED


def _print_failure(failure: RunFailed, logs: Path, debug: bool) -> None:
    where = f"{failure.component} failed. " if failure.component else ""
    print(f"\n{where}" + "\n".join(failure.lines), file=sys.stderr)
    print(f"Log: {logs}", file=sys.stderr)
    if debug:
        print(failure.trace, file=sys.stderr)
