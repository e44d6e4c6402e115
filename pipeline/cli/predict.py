"""`breast-imaging predict`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from pipeline.cli.predictions import Answers, Csv, JsonLines, PrintedTable
from pipeline.cli.quiet import quiet_imports
from schema.errors import ConfigurationError
from schema.images.suffixes import is_image_path
from serving.client import Client, FailedFile, PredictedFile, Prediction, Tls
from serving.client.files import BATCH_SIZE, predict_files

_STANDARD_INPUT: Final = Path("/dev/stdin")
_SHOWN_AS: Final = "-"

Ask = Callable[[Sequence[bytes]], list[Prediction]]


@dataclass(frozen=True)
class Served:
    """A model on servers.

    Attributes:
        wait: seconds to wait until it is available.
        others: as those of `Client`.
    """

    addresses: Sequence[str]
    model_name: str
    version: int | None
    label: str | None
    deadline: float
    wait: float
    tls: Tls | None

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """Raises ClientError where the model is not there, before any file is read."""
        with Client(
            self.addresses,
            self.model_name,
            version=self.version,
            label=self.label,
            deadline=self.deadline,
            tls=self.tls,
        ) as client:
            client.wait_until_available(self.wait)
            yield client.predict


@dataclass(frozen=True)
class Published:
    """A model in a folder: that of a version, or of all versions, of which it is the latest."""

    folder: Path

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """Raises ConfigurationError or UnusableModelError where the model is not there."""
        with quiet_imports():
            from pipeline.published import published_model
            from serving.in_process import InProcessModel

            model = InProcessModel(published_model(self.folder))
        with model:
            yield model.predict


def make_answers(as_json: bool, as_csv: bool) -> Answers:
    """What prints to standard output. Raises ConfigurationError where two formats are asked for."""
    if as_json and as_csv:
        raise ConfigurationError("JSON and CSV cannot both be printed.", fix="choose --json or --csv")
    printed = JsonLines if as_json else Csv if as_csv else PrintedTable
    return printed(Console())


def predict_command(inputs: Sequence[str], source: Served | Published, answers: Answers) -> int:
    """Answers for every file. Returns the exit code. Raises BreastImagingError where no file can be answered."""
    paths = list(_paths(inputs))
    console = Console(stderr=True)
    exit_codes: set[int] = set()
    with source.open() as ask, Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for outcome in progress.track(predict_files(ask, paths, BATCH_SIZE), total=len(paths), description="Images"):
            name = _SHOWN_AS if outcome.path == _STANDARD_INPUT else str(outcome.path)
            if isinstance(outcome, PredictedFile):
                answers.add(name, outcome.prediction)
            else:
                console.print(_line(name, outcome), markup=False, highlight=False, soft_wrap=True)
                exit_codes.add(outcome.error.exit_code)
    answers.finish()
    return min(exit_codes, default=0)  # a failure that is not of the image itself is told before one that is


def _line(name: str, failed: FailedFile) -> str:
    reasons = "".join(f" ({reason})" for reason in failed.error.reasons)
    return f"{name}: {failed.error.what}{reasons}"


def _paths(inputs: Sequence[str]) -> Iterator[Path]:
    """The files named, and the image files below the folders named."""
    if inputs.count(_SHOWN_AS) > 1:
        raise ConfigurationError("Standard input is named twice.", fix="name it once: it holds one image")
    for each in inputs:
        if each == _SHOWN_AS:
            yield _STANDARD_INPUT
        elif Path(each).is_dir():
            yield from _images_below(each)
        else:
            yield Path(each)


def _images_below(folder: str) -> Iterator[Path]:
    found = False
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(filter(is_image_path, names)):
            found = True
            yield Path(directory, name)
    if not found:
        raise ConfigurationError(f"There is no image file in {folder}.", fix="name a folder of images, or the files")
