"""The listener: which log records become which events."""

import importlib.util
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from absl import logging as absl_logging

from components.progress import LOGGER_NAME, Progress, report_progress
from pipeline import listener as listener_module
from pipeline.events import ComponentFinished, ComponentStarted, Event, TaskAdvanced
from pipeline.listener import RunListener, listening


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def listener(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> RunListener:
    clock = iter([100.0, 102.5, 110.0, 110.25])
    monkeypatch.setattr(listener_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return RunListener(events.append)


def _say(message: str, *arguments: object) -> None:
    logging.getLogger("absl").handle(logging.LogRecord("absl", logging.INFO, "", 0, message, arguments, None))


def test_a_run_as_events(listener: RunListener, events: list[Event]) -> None:
    with listening(listener):
        _say("Component %s is running.", "ImageExampleGen")
        assert listener.component == "ImageExampleGen"
        report_progress(Progress("reading images", advance=3, total=9, remark="so far"))
        _say("Something else about %s.", "ImageExampleGen")
        _say("Component %s is finished.", "ImageExampleGen")
        assert listener.component == ""
        _say("Component %s is running.", "Trainer")
        _say("A cached execution %d is used.", 7)
        _say("Component %s is finished.", "Trainer")

    assert events == [
        ComponentStarted(component="ImageExampleGen"),
        TaskAdvanced(task="reading images", advance=3, total=9, remark="so far"),
        ComponentFinished(component="ImageExampleGen", cached=False, seconds=2.5),
        ComponentStarted(component="Trainer"),
        ComponentFinished(component="Trainer", cached=True, seconds=0.25),
    ]


def test_a_component_that_fails_stays_the_running_one(listener: RunListener) -> None:
    with pytest.raises(RuntimeError, match="failed"), listening(listener):
        _say("Component %s is running.", "Trainer")
        raise RuntimeError("failed")

    assert listener.component == "Trainer"


def test_being_cached_is_forgotten_with_the_next_component(listener: RunListener, events: list[Event]) -> None:
    with listening(listener):
        _say("Component %s is running.", "Transform")
        _say("A cached execution %d is used.", 7)
        _say("Component %s is finished.", "Transform")
        _say("Component %s is running.", "Trainer")
        _say("Component %s is finished.", "Trainer")

    assert [event.cached for event in events if isinstance(event, ComponentFinished)] == [True, False]


def test_afterwards_nothing_is_heard(listener: RunListener, events: list[Event]) -> None:
    with listening(listener):
        pass
    _say("Component %s is running.", "Trainer")
    report_progress(Progress("training", advance=1, total=2))

    assert events == []
    for name in ("absl", LOGGER_NAME):
        assert listener not in logging.getLogger(name).handlers


def test_records_of_absl_itself_are_heard(listener: RunListener, events: list[Event]) -> None:
    with listening(listener):
        absl_logging.info("Component %s is running.", "Pusher")

    assert events == [ComponentStarted(component="Pusher")]


@pytest.mark.parametrize(
    ("module", "messages"),
    [
        ("tfx.orchestration.local.local_dag_runner", ["_STARTED", "_FINISHED"]),
        ("tfx.orchestration.portable.launcher", ["_CACHED"]),
    ],
)
def test_tfx_still_logs_these_very_messages(module: str, messages: list[str]) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")

    for name in messages:
        assert f"logging.info('{getattr(listener_module, name)}'" in source
