"""What `python -m benchmarks` makes of its benchmarks: figures, table, JSON, failures, Ctrl-C."""

import ast
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import benchmarks.__main__ as command
from benchmarks.figures import AtLeast, AtMost, Figure, figure_of
from benchmarks.measuring import alternate, cost_of, in_new_process, peak_mib, ratios
from benchmarks.registry import BENCHMARKS, describe
from benchmarks.results import Results
from benchmarks.table import figures_table, shown_raw
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_FAILED

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 60.0

GOOD = '''"""A good one.

    with more to say
"""
from benchmarks.figures import AtMost, figure_of

def measure(work, report):
    assert not list(work.iterdir())
    print("not a message")
    report("measuring [bold]")
    return [figure_of("good", "ours / theirs", [1.0, 3.0, 2.0], {"ours_seconds": 2.0}, AtMost(1.5))]
'''
FAILING = """
def measure(work, report):
    print("the last words")
    raise RuntimeError("no luck")
"""
KILLED = """
import os, signal

def measure(work, report):
    os.kill(os.getpid(), signal.SIGKILL)
"""
WAITING = """
import os, subprocess, sys

def measure(work, report):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(os.environ["WAITING_PIDS"] + ".partial", "w") as file:
        file.write(f"{os.getpid()} {child.pid} {work}")
    os.rename(os.environ["WAITING_PIDS"] + ".partial", os.environ["WAITING_PIDS"])
    child.wait()
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Puts benchmarks where they can be imported, by their source; returns what the registry would say of them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))

    def write(**sources: str) -> dict[str, str]:
        for name, source in sources.items():
            (tmp_path / f"{name}_benchmark.py").write_text(source)
        return {name: f"{name}_benchmark" for name in sources}

    return write


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.floats(1e-3, 1e3))
def test_a_figure_is_the_median_and_says_how_far_repetitions_lie_apart(values: list[float], limit: float) -> None:
    figure = figure_of("one", "a / b", values, {}, AtMost(limit))

    ordered = sorted(values)
    middle = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    assert (figure.least, figure.most, figure.repetitions) == (ordered[0], ordered[-1], len(values))
    assert figure.ratio == pytest.approx(sum(middle) / 2)
    assert figure.met is (figure.ratio <= limit)
    assert figure_of("one", "a / b", values, {}, AtLeast(limit)).met is (figure.ratio >= limit)
    assert figure_of("one", "a / b", values, {}).met is None


def test_what_is_asked_is_told() -> None:
    asked = [figure_of("one", "a / b", [1.0], {}, target).asked for target in (AtMost(1.1), AtLeast(0.85), None)]

    assert asked == ["<= 1.10", ">= 0.85", None]


def test_ways_are_taken_by_turns() -> None:
    taken: list[str] = []
    told: list[str] = []

    costs = alternate({"a": lambda: taken.append("a"), "b": lambda: taken.append("b")}, 3, told.append)

    assert taken == ["a", "b"] * 3
    assert told == ["a, 1 of 3", "b, 1 of 3", "a, 2 of 3", "b, 2 of 3", "a, 3 of 3", "b, 3 of 3"]
    assert {way: len(found) for way, found in costs.items()} == {"a": 3, "b": 3}
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_processor_time_counts_children_and_not_waiting() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"

    cost = cost_of(lambda: subprocess.run([sys.executable, "-c", busy], check=True))

    assert cost.processor_seconds >= 0.3


def test_the_peak_of_a_new_process_is_its_own() -> None:
    held = b"x" * (400 * 2**20)  # which `ru_maxrss` would count for a child as well

    assert peak_mib() > len(held) / 2**20
    assert 5 < in_new_process(peak_mib) < 400


def test_raw_values_are_shown_with_their_units() -> None:
    raw = {"plain_loop_seconds": 3.456, "images": 1000.0, "search_processor_seconds": 12.0, "step_mib": 1234.5}

    assert shown_raw(raw) == "plain loop 3.46 s, images 1,000, search 12 s of processor, step 1,234 MiB"
    assert shown_raw({"served_per_second": 50.0, "p50_ms": 1.25}) == "served 50/s, p50 1.25 ms"


def test_the_table_has_a_line_for_each_figure() -> None:
    figures = [
        figure_of("one", "a [b] / c", [1.0, 1.25, 2.0], {"a_seconds": 5.0}, AtMost(1.1)),
        figure_of("two", "c / d", [0.9], {}, AtLeast(0.85)),
        figure_of("two", "e / f", [4.0], {}),
    ]
    console = Console(file=io.StringIO(), width=120)

    console.print(figures_table(figures))

    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]  # type: ignore[attr-defined]
    assert lines[2:] == [
        "one a [b] / c 1.25 1.00 2.00 3 <= 1.10 not met",
        "a 5 s",
        "two c / d 0.90 0.90 0.90 1 >= 0.85 met",
        "two e / f 4.00 4.00 4.00 1",
    ]


def test_a_run_leaves_a_table_and_a_file(
    modules: Callable[..., dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"

    assert command.main(["--json", str(file)], modules(good=GOOD)) == 0

    results = Results.model_validate_json(file.read_text())
    assert results.complete
    assert results.figures == [
        Figure("good", "ours / theirs", 2.0, 1.0, 3.0, 3, "<= 1.50", False, {"ours_seconds": 2.0})
    ]
    assert results.machine.cores >= 1
    assert results.machine.memory_gib > 0
    assert results.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert json.loads(file.read_text())["measurements"][0]["name"] == "good"
    printed = capsys.readouterr().out
    assert "1 of 1, good: done" in printed
    assert "not a message" not in printed
    assert "ours / theirs" in printed
    assert "not met" in printed


@pytest.mark.parametrize(
    ("source", "words"), [(FAILING, ["the last words", "no luck"]), (KILLED, ["has no figures", "SIGKILL"])]
)
def test_a_benchmark_that_fails_costs_the_others_nothing(
    modules: Callable[..., dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    words: list[str],
) -> None:
    file = tmp_path / "bench.json"

    assert command.main(["--json", str(file)], modules(bad=source, good=GOOD)) == EXIT_FAILED

    results = Results.model_validate_json(file.read_text())
    assert [figure.benchmark for figure in results.figures] == ["good"]
    (failure,) = results.failures
    assert failure.name == "bad"
    printed = capsys.readouterr().out
    assert "1 of 2, bad: failed" in printed
    assert all(word in failure.failure and word in printed for word in words)


def test_only_some_are_measured(
    modules: Callable[..., dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--only", "good"], modules(bad=FAILING, good=GOOD)) == 0
    assert "1 of 1, good: done" in capsys.readouterr().out


def test_a_wrong_name_is_told(modules: Callable[..., dict[str, str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "god"], modules(good=GOOD)) == EXIT_BAD_CONFIGURATION

    told = capsys.readouterr()
    assert told.out == ""
    assert "There is no benchmark 'god'." in told.err
    assert "did you mean 'good'? benchmarks: good" in told.err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(
    modules: Callable[..., dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "absent" / "bench.json"

    assert command.main(["--json", str(file)], modules(good=GOOD)) == EXIT_BAD_CONFIGURATION

    told = capsys.readouterr()
    assert "done" not in told.out
    assert "cannot be written" in told.err


def test_the_list_names_each_without_importing_it(
    modules: Callable[..., dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--list"], modules(good=GOOD, bad='"""Fails when imported."""\n1 / 0\n')) == 0

    assert capsys.readouterr().out == "good            A good one.\nbad             Fails when imported.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_measured_and_leaves_no_process(
    modules: Callable[..., dict[str, str]], tmp_path: Path, number: signal.Signals
) -> None:
    file, pids = tmp_path / "bench.json", tmp_path / "pids"
    there_are = modules(good=GOOD, slow=WAITING)
    run = f"it.take_sigterm_for_ctrl_c(); sys.exit(it.main(sys.argv[1:], {there_are}))"
    program = f"import sys, benchmarks.__main__ as it; {run}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--json", str(file)],
        cwd=ROOT,
        env={**os.environ, "WAITING_PIDS": str(pids)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(pids.exists)
    worker, child, work = pids.read_text().split()

    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == EXIT_FAILED, err
    assert "Traceback" not in err
    assert "Interrupted. What was measured is kept; not measured: slow" in out
    assert "ours / theirs" in out
    results = Results.model_validate_json(file.read_text())
    assert not results.complete
    assert [figure.benchmark for figure in results.figures] == ["good"]
    _wait_for(lambda: not any(_runs(int(pid)) for pid in (worker, child)))
    assert not Path(work).exists()


def test_the_registry_is_what_the_files_say() -> None:
    measuring = {
        f"benchmarks.{file.stem}" for file in (ROOT / "benchmarks").glob("*.py") if _measures(file.read_text("utf-8"))
    }

    assert sorted(BENCHMARKS.values()) == sorted(measuring)
    assert all(module.rpartition(".")[2] == name for name, module in BENCHMARKS.items())
    assert all(describe(module) for module in BENCHMARKS.values())


def _measures(source: str) -> bool:
    """Whether a module has the function that the registry needs."""
    return any(
        isinstance(node, ast.FunctionDef)
        and node.name == "measure"
        and [argument.arg for argument in node.args.args] == ["work", "report"]
        for node in ast.parse(source).body
    )


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
