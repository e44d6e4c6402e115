"""Beam for commands that need no graph."""

import logging
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.dsl.io import fileio

from components.progress import LOGGER_NAME
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import BeamSettings, DataflowBeam, PortableBeam
from pipeline.events import Event
from pipeline.interruptible import InterruptiblePipeline
from pipeline.listener import RunListener, listening


@contextmanager
def beam_here(settings: BeamSettings, show: Callable[[Event], None]) -> Iterator[Callable[[], beam.Pipeline]]:
    """Makes Beam pipelines whose progress is shown, where workers are in this process."""
    with listening(RunListener(show)), _off_the_terminal(LOGGER_NAME):
        yield lambda: InterruptiblePipeline(options=PipelineOptions(beam_arguments(settings)))


@contextmanager
def work_folder(settings: BeamSettings) -> Iterator[str]:
    """An empty folder that all workers see, and that goes with all that is in it."""
    if not isinstance(settings, PortableBeam | DataflowBeam):
        with tempfile.TemporaryDirectory() as directory:
            yield directory
        return
    directory = os.path.join(settings.temp_location, uuid.uuid4().hex)
    fileio.makedirs(directory)
    try:
        yield directory
    finally:
        fileio.rmtree(directory)


@contextmanager
def _off_the_terminal(name: str) -> Iterator[None]:
    """Keeps a logger's records from the root logger, which prints them between the lines of the display."""
    logger = logging.getLogger(name)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
