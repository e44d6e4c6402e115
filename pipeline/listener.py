"""Hears from log records how a run gets on, and passes it on as events."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from absl import logging as absl_logging

from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE, Progress
from pipeline.events import ComponentFinished, ComponentStarted, Event, TaskAdvanced

# What our DagRunner and TFX's Launcher log. The latter offers no other hook; a test holds these against a real run.
_STARTED: Final = "Component %s is running."
_FINISHED: Final = "Component %s is finished."
_CACHED: Final = "A cached execution %d is used."


class RunListener(logging.Handler):
    """Attributes: component: the one that is running; empty between two."""

    def __init__(self, emit_event: Callable[[Event], None]) -> None:
        super().__init__(logging.INFO)
        self.component = ""
        self._emit_event = emit_event
        self._cached = False
        self._started_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        progress: Progress | None = getattr(record, RECORD_ATTRIBUTE, None)
        if progress is not None:
            self._emit_event(
                TaskAdvanced(
                    task=progress.task,
                    advance=progress.advance,
                    total=progress.total,
                    remark=progress.remark,
                )
            )
        elif record.msg == _STARTED:
            self._start(_first_argument(record))
        elif record.msg == _CACHED:
            self._cached = True
        elif record.msg == _FINISHED:
            self._finish(_first_argument(record))

    def _start(self, component: str) -> None:
        self.component, self._cached, self._started_at = component, False, time.monotonic()
        self._emit_event(ComponentStarted(component=component))

    def _finish(self, component: str) -> None:
        seconds = time.monotonic() - self._started_at
        self._emit_event(ComponentFinished(component=component, cached=self._cached, seconds=seconds))
        self.component = ""


@contextmanager
def listening(listener: RunListener) -> Iterator[None]:
    """Attaches the listener to the loggers of TFX and of our own steps."""
    loggers = [logging.getLogger("absl"), logging.getLogger(LOGGER_NAME)]
    verbosity = absl_logging.get_verbosity()
    # Setting the level of the logger alone would not last: absl puts its own back.
    absl_logging.set_verbosity(absl_logging.INFO)
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(listener)
    try:
        yield
    finally:
        absl_logging.set_verbosity(verbosity)
        for logger in loggers:
            logger.removeHandler(listener)


def _first_argument(record: logging.LogRecord) -> str:
    return str(record.args[0]) if isinstance(record.args, tuple) else ""
