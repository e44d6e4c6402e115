"""Beam in this process, for commands that need no graph."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.progress import LOGGER_NAME
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import BeamSettings
from pipeline.events import Event
from pipeline.listener import RunListener, listening


@contextmanager
def beam_here(settings: BeamSettings, show: Callable[[Event], None]) -> Iterator[Callable[[], beam.Pipeline]]:
    """Makes Beam pipelines whose progress is shown."""
    with listening(RunListener(show)), _off_the_terminal(LOGGER_NAME):
        yield lambda: beam.Pipeline(options=PipelineOptions(beam_arguments(settings)))


@contextmanager
def _off_the_terminal(name: str) -> Iterator[None]:
    """Keeps a logger's records from the root logger, which prints them between the lines of the display."""
    logger = logging.getLogger(name)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
