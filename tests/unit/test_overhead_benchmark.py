"""What TFX adds: times read, the same work asked for, ten minutes reckoned."""

import inspect
import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from tfx.orchestration.local import local_dag_runner
from tfx.orchestration.portable import launcher

from benchmarks import launcher_phases, overhead
from benchmarks.command_cost import CommandFailedError, cost_of_command, proportional_bytes, resident_bytes
from benchmarks.launcher_phases import ComponentPhases, PhaseTimer
from benchmarks.measuring import ProcessCost
from benchmarks.overhead import START_AND_END, DifferentWorkError, Pair, Trial
from pipeline.display import PlainDisplay
from pipeline.events import ComponentFinished, TaskAdvanced

MIB = 2**20


def test_seconds_are_read_from_what_a_run_prints() -> None:
    printed = io.StringIO()
    display = PlainDisplay(Console(file=printed, width=100))
    display.show(TaskAdvanced(task="training", advance=5, total=20, remark="done in 3.0 s"))
    display.show(ComponentFinished(component="Trainer", cached=False, seconds=12.34))
    display.show(ComponentFinished(component="LatestBlessedModel", cached=False, seconds=0.0))
    display.show(ComponentFinished(component="Pusher", cached=True, seconds=0.1))
    assert overhead.component_seconds(printed.getvalue()) == {"Trainer": 12.3, "LatestBlessedModel": 0.0}


def trial(seconds: float, **steps: float) -> Trial:
    return Trial(cost=ProcessCost(seconds, 1.5 * seconds, 2000.0), steps=steps)


PAIRS = [
    Pair(with_tfx=trial(60.0, Trainer=30.0, Pusher=6.0), without_tfx=trial(50.0, Trainer=29.0, Pusher=5.0)),
    Pair(with_tfx=trial(64.0, Trainer=32.0, Pusher=6.0), without_tfx=trial(48.0, Trainer=27.0, Pusher=5.0)),
]


def test_figures() -> None:
    time, processor, memory, ten_minutes = overhead.summarize(PAIRS)
    assert (time.least, time.most, time.repetitions) == (1.2, 64 / 48, 2)
    assert time.raw == {"with_tfx_seconds": 62.0, "without_seconds": 49.0}
    assert processor.raw == {"with_tfx_processor_seconds": 93.0, "without_processor_seconds": 73.5}
    assert memory.ratio == 1.0
    assert (ten_minutes.least, ten_minutes.most) == (pytest.approx(1 + 10 / 600), pytest.approx(1 + 16 / 600))
    assert ten_minutes.raw == {"added_seconds": pytest.approx(13.0)}
    assert (ten_minutes.asked, ten_minutes.met) == ("<= 1.15", True)


def test_too_much_added_is_not_met() -> None:
    slow = Pair(with_tfx=trial(200.0), without_tfx=trial(100.0))
    assert overhead.summarize([slow])[-1].met is False


def test_time_outside_of_components_has_a_line() -> None:
    assert PAIRS[0].with_tfx.seconds == {"Trainer": 30.0, "Pusher": 6.0, START_AND_END: 24.0}
    console = Console(width=100)
    with console.capture() as captured:
        console.print(overhead.steps_table(PAIRS))
    cells = [line.split() for line in captured.get().splitlines() if line.strip()]
    assert ["Trainer", "31.0", "28.0", "3.0"] in cells
    assert ["start", "and", "end", "25.0", "16.0", "9.0"] in cells
    assert ["all", "62.0", "49.0", "13.0"] in cells


def write_answers(folder: Path, rows: dict[str, float]) -> Path:
    folder.mkdir()
    lines = [f'"{source}","benign",{1 - p},{p}' for source, p in rows.items()]
    header = '"source","label","probability of benign","probability of malignant"'
    (folder / "predictions.csv").write_text("\n".join([header, *lines]))
    return folder


def test_same_answers_pass_in_any_order(tmp_path: Path) -> None:
    first = write_answers(tmp_path / "first", {"a": 0.2, "b": 0.9})
    overhead.check_same_answers(first, write_answers(tmp_path / "second", {"b": 0.90000001, "a": 0.2}))


@pytest.mark.parametrize("others", [{"a": 0.2, "b": 0.91}, {"a": 0.2}, {"a": 0.2, "c": 0.9}])
def test_different_answers_are_no_comparison(tmp_path: Path, others: dict[str, float]) -> None:
    first = write_answers(tmp_path / "first", {"a": 0.2, "b": 0.9})
    with pytest.raises(DifferentWorkError, match="different answers"):
        overhead.check_same_answers(first, write_answers(tmp_path / "second", others))


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("absl", logging.INFO, "launcher.py", 1, message, arguments, None)


def test_phases_of_a_component_and_of_a_resolver() -> None:
    clock = iter([10.0, 12.0, 15.0, 15.5, 20.0, 20.25])
    timer = PhaseTimer(lambda: next(clock))
    timer.emit(record(launcher_phases.STARTED, "Trainer"))
    timer.emit(record("Going to run a new execution %d", 7))  # said before, and of no use
    timer.emit(record(launcher_phases.EXECUTING, "ExecutionInfo"))
    timer.emit(record(launcher_phases.EXECUTED))
    timer.emit(record(launcher_phases.FINISHED, "Trainer"))
    timer.emit(record(launcher_phases.STARTED, "LatestBlessedModel"))
    timer.emit(record(launcher_phases.FINISHED, "LatestBlessedModel"))
    assert timer.first_started == 10.0
    assert timer.phases == [
        ComponentPhases(component="Trainer", driver=2.0, executor=3.0, publisher=0.5),
        ComponentPhases(component="LatestBlessedModel", driver=0.25, executor=0.0, publisher=0.0),
    ]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (local_dag_runner, launcher_phases.STARTED),
        (launcher, launcher_phases.EXECUTING),
        (launcher, launcher_phases.EXECUTED),
        (local_dag_runner, launcher_phases.FINISHED),
    ],
)
def test_tfx_logs_these_messages(module: object, message: str) -> None:
    assert f"logging.info('{message}'" in inspect.getsource(module)  # type: ignore[arg-type]


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """A process with 64 MiB that has started another one with 128 MiB; both wait."""
    child = "x = bytearray(b'x') * (128 * 2**20); print('ready', flush=True); input()"
    parent = (
        "import subprocess, sys; x = bytearray(b'x') * (64 * 2**20);"
        f'subprocess.run([sys.executable, "-c", {child!r}])'
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.communicate("\n")


def test_memory_is_that_of_all_processes(family: subprocess.Popen[str]) -> None:
    assert 192 <= proportional_bytes(family.pid) / MIB < 240
    (child,) = psutil.Process(family.pid).children()
    assert 128 <= proportional_bytes(child.pid) / MIB < 160
    # Both are Pythons, whose pages are counted twice here.
    assert resident_bytes(family.pid) > proportional_bytes(family.pid)


def test_ended_process_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    assert resident_bytes(process.pid) == proportional_bytes(process.pid) == 0


def test_cost_counts_the_processor_time_of_children(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('burnt')"
    cost = cost_of_command([sys.executable, "-c", nested], tmp_path / "log")
    assert cost.processor_seconds >= 0.3
    assert (tmp_path / "log").read_text() == "burnt\n"


def test_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"]
    with pytest.raises(CommandFailedError, match="ended with status 3") as caught:
        cost_of_command(command, tmp_path / "log")
    assert caught.value.reasons == ("no such thing",)
    assert cost_of_command(command, tmp_path / "log", expected=(0, 3)).peak_mib >= 0
