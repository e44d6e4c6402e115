"""What a run looks like while it goes on."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.display import LiveDisplay, PlainDisplay, make_display
from pipeline.events import ComponentFinished, ComponentStarted, Event, TaskAdvanced


def _advanced(advance: int, total: int, task: str = "reading images", remark: str = "") -> TaskAdvanced:
    return TaskAdvanced(task=task, advance=advance, total=total, remark=remark)


def _finished(component: str, seconds: float = 1.0, cached: bool = False) -> ComponentFinished:
    return ComponentFinished(component=component, cached=cached, seconds=seconds)


def _show(*events: Event, width: int = 80) -> list[str]:
    stream = StringIO()
    with PlainDisplay(Console(file=stream, width=width)) as display:
        for event in events:
            display.show(event)
    return stream.getvalue().splitlines()


def test_a_run_in_plain_lines() -> None:
    assert _show(
        ComponentStarted(component="ImageExampleGen"),
        *(_advanced(1, 8) for _ in range(8)),
        _finished("ImageExampleGen", 12.345),
        ComponentStarted(component="Trainer"),
        _advanced(1, 2, "training", "loss 0.693, [best]"),
        _advanced(1, 2, "training", "loss 0.500"),
        _finished("Trainer", 0.04),
        _finished("Pusher", cached=True),
    ) == [
        "  reading images: 2 of 8",
        "  reading images: 4 of 8",
        "  reading images: 6 of 8",
        "  reading images: 8 of 8",
        "ImageExampleGen      done in 12.3 s",
        "  training: 1 of 2 loss 0.693, [best]",
        "  training: 2 of 2 loss 0.500",
        "Trainer              done in 0.0 s",
        "Pusher               cached",
    ]


def test_a_step_over_several_quarters_is_one_line() -> None:
    assert _show(_advanced(64, 100), _advanced(10, 100), _advanced(26, 100)) == [
        "  reading images: 64 of 100",
        "  reading images: 100 of 100",
    ]


@pytest.mark.parametrize(("advance", "lines"), [(24, 0), (25, 1), (26, 1)])
def test_a_quarter_is_reached_and_not_before(advance: int, lines: int) -> None:
    assert len(_show(_advanced(advance, 100))) == lines


def test_two_tasks_are_counted_apart_and_anew_with_each_component() -> None:
    assert _show(
        _advanced(1, 4, "a"), _advanced(2, 4, "b"), _advanced(1, 4, "a"), _finished("X"), _advanced(1, 4, "a")
    ) == [
        "  a: 1 of 4",
        "  b: 2 of 4",
        "  a: 2 of 4",
        "X                    done in 1.0 s",
        "  a: 1 of 4",
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_a_task_takes_four_lines_at_most_and_its_last_says_that_it_is_done(steps: list[int]) -> None:
    total = sum(steps)

    lines = _show(*(_advanced(step, total) for step in steps))

    assert 1 <= len(lines) <= 4
    assert lines[-1] == f"  reading images: {total} of {total}"


def test_long_lines_are_not_wrapped() -> None:
    remark = "loss 0.123, val_loss 0.456, val_auc 0.789"

    assert _show(_advanced(1, 1, remark=remark), width=20) == [f"  reading images: 1 of 1 {remark}"]


def test_a_terminal_gets_bars_and_a_file_gets_lines() -> None:
    assert isinstance(make_display(Console(file=StringIO(), force_terminal=True)), LiveDisplay)
    assert isinstance(make_display(Console(file=StringIO())), PlainDisplay)


def test_in_a_terminal_finished_components_stay_above_the_bars() -> None:
    stream = StringIO()
    with make_display(Console(file=stream, force_terminal=True, width=100, color_system=None)) as display:
        display.show(ComponentStarted(component="Trainer"))
        display.show(_advanced(3, 12, "training", "val_auc 0.9"))
        display.show(_finished("Trainer", 2.0))
        display.show(_finished("Pusher", cached=True))

    text = stream.getvalue()
    assert text.index("Trainer              done in 2.0 s") < text.index("Pusher               cached")
