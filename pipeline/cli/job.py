"""What the commands that run a graph have in common: from their options to its end."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from pipeline.config import Config, load_config
from pipeline.display import make_display
from pipeline.events import Event, RunFailed
from pipeline.output import OutputFolder, open_output
from pipeline.session import RunInterruptedError, run_session
from pipeline.sources import default_output, prepare_data
from pipeline.worker import Job
from schema.errors import EXIT_FAILED


def do_job(
    job: Job,
    config_name: str,
    data: Path | None,
    output_path: Path | None,
    overrides: Sequence[str],
    debug: bool,
    console: Console,
    finish: Callable[[Config, OutputFolder, Sequence[Event]], int],
) -> int:
    """Runs the graph and shows it.

    Args:
        debug: whether a failure is printed with its traceback.
        finish: what is left to do after success; it returns the exit code, given what happened.

    Raises BreastImagingError as the exit codes say.
    """
    config = load_config(config_name, overrides)
    output = open_output(default_output(str(output_path) if output_path else None, config))
    with console.status("Preparing the data"):
        folder = prepare_data(str(data) if data else None, config, output)
    console.print(f"Running {config.name}: {folder} -> {output.root}", highlight=False, soft_wrap=True, markup=False)
    events: list[Event] = []

    def show(event: Event) -> None:
        events.append(event)
        display.show(event)

    try:
        with make_display(console) as display:
            ended = run_session(job, config, folder, output, show)
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
    return finish(config, output, events)


def _print_failure(failure: RunFailed, logs: Path, debug: bool) -> None:
    where = f"{failure.component} failed. " if failure.component else ""
    print(f"\n{where}" + "\n".join(failure.lines), file=sys.stderr)
    print(f"Log: {logs}", file=sys.stderr)
    if debug:
        print(failure.trace, file=sys.stderr)
