"""Shows a simulated run in a terminal."""

from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.status import Status as Spinner
from rich.table import Table

from kubeflow.simulator.execution import Execution, Status
from kubeflow.simulator.simulate import Options, Outcome, failure, simulate

_STYLES: Final = {
    Status.SUCCEEDED: "green",
    Status.CACHED: "cyan",
    Status.KEPT: "cyan",
    Status.SKIPPED: "yellow",
    Status.FAILED: "red",
}
_PAGE: Final = "system.HTML"


def run_and_show(file: Path, work: Path, options: Options) -> None:
    """Runs a compiled pipeline and shows each task and a summary.

    Raises ConfigurationError as `simulate` does, and the failure of the first task that failed.
    """
    console = Console()
    with TaskDisplay(console) as display:
        outcome = simulate(file, work, options, display)
    _print_summary(outcome, console)
    error = failure(outcome)
    if error:
        raise error


class TaskDisplay:
    """A line for each task that has ended, and the running one at the bottom."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("checking", console=console)

    def __enter__(self) -> "TaskDisplay":
        self._spinner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._spinner.stop()

    def started(self, task: str) -> None:
        self._spinner.update(escape(task))

    def finished(self, execution: Execution) -> None:
        reason = f"  {execution.reason}" if execution.status is Status.SKIPPED else ""
        style = _STYLES[execution.status]
        self._console.print(
            f"  {escape(execution.task):<28} [{style}]{execution.status:<9}[/] {execution.seconds:6.1f} s"
            f"[dim]{escape(reason)}[/]",
            highlight=False,
        )


def _print_summary(outcome: Outcome, console: Console) -> None:
    table = Table(box=box.SIMPLE, title=f"run {outcome.run}", title_justify="left")
    for column in ("task", "status"):
        table.add_column(column)
    table.add_column("seconds", justify="right")
    table.add_column("artifacts")
    for execution in outcome.executions:
        names = ", ".join(sorted(execution.outputs.artifacts))
        table.add_row(
            escape(execution.task),
            f"[{_STYLES[execution.status]}]{execution.status}[/]",
            f"{execution.seconds:.1f}",
            escape(names),
        )
    console.print(table)
    if outcome.not_simulated:
        console.print(f"Not simulated: {', '.join(outcome.not_simulated)}", highlight=False, markup=False)
    for label, path in [("Report:   ", page) for page in _pages(outcome)] + [
        ("Artifacts:", outcome.store.object_path("")),
        ("Logs:     ", outcome.store.folder / "logs" / outcome.run),
    ]:
        console.print(f"{label} {path}", highlight=False, soft_wrap=True, markup=False)


def _pages(outcome: Outcome) -> list[Path]:
    """Files that the UI would show."""
    return [
        outcome.artifact(execution.task, name)
        for execution in outcome.executions
        if execution.completed
        for name, title in execution.titles.items()
        if title == _PAGE
    ]
