"""Shows a run in a terminal: one line for each component, and bars for long tasks; plain lines elsewhere."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from pipeline.events import ComponentFinished, ComponentStarted, Event, TaskAdvanced

_NAME_WIDTH = 20


class Display(Protocol):
    """A context manager that shows events."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: Event) -> None: ...


def make_display(console: Console) -> Display:
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


class LiveDisplay:
    """For a terminal: finished components scroll by, the running one and its task stay at the bottom."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[remark]}"),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        self._advance("starting TFX", 0, None, "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        if isinstance(event, ComponentStarted):
            self._clear()
            self._advance(event.component, 0, None, "")
        elif isinstance(event, TaskAdvanced):
            self._advance(event.task, event.advance, event.total, event.remark)
        elif isinstance(event, ComponentFinished):
            self._clear()
            self._progress.console.print(_finished_line(event), highlight=False)

    def _advance(self, name: str, advance: int, total: int | None, remark: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, count="", remark=remark)
        task = self._progress.tasks[self._progress.task_ids.index(self._tasks[name])]
        count = f"{task.completed + advance:.0f} of {total}" if total else ""
        self._progress.update(task.id, advance=advance, count=count, remark=remark)

    def _clear(self) -> None:
        for task in self._tasks.values():
            self._progress.remove_task(task)
        self._tasks.clear()


class PlainDisplay:
    """For a file or a pipe: one line for each thing that ended, and for each quarter of a long task."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, event: Event) -> None:
        if isinstance(event, TaskAdvanced):
            self._advance(event)
        elif isinstance(event, ComponentFinished):
            self._done.clear()
            self._print(_finished_line(event))

    def _advance(self, event: TaskAdvanced) -> None:
        before = self._done.get(event.task, 0)
        after = self._done[event.task] = before + event.advance
        if 4 * before // event.total != 4 * after // event.total:
            self._print(f"  {event.task}: {after} of {event.total} {event.remark}".rstrip())

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)


def _finished_line(event: ComponentFinished) -> str:
    state = "cached" if event.cached else f"done in {event.seconds:.1f} s"
    return f"{event.component:<{_NAME_WIDTH}} {state}"
