"""What retraining asks of the place where graphs run: all that would differ between one machine and a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.settings import SpanSettings
from components.span_gate.content import SpanVerdict
from pipeline.config import Config
from pipeline.retraining.record import RetrainingRecord


@dataclass(frozen=True)
class Validated:
    """A span that passed the data gate. Attributes: manifest: folder with its manifest and fingerprints."""

    verdict: SpanVerdict
    manifest: Path


@dataclass(frozen=True)
class Trained:
    """A model that was trained and judged.

    Attributes:
        published_version: None where it was not blessed.
        reasons: why it was not blessed; empty where it was.
        figures, incumbent_figures, images, patients: as in the record.
        report: folder of the report.
    """

    published_version: int | None
    reasons: Sequence[str]
    figures: dict[str, float]
    incumbent_figures: dict[str, float]
    images: dict[str, int]
    patients: dict[str, int]
    report: Path


class Runner(Protocol):
    """Runs the graphs of a retraining. Who has one holds the output folder."""

    def incumbent_version(self) -> int | None:
        """The version that is served; None where there is none."""

    def validate(self, config: Config, spans: SpanSettings, fingerprint: str) -> Validated:
        """Judges the one span that the settings name as their folder. Raises DataRejectedError as the data gate does.

        Args: fingerprint: of its files.
        """

    def train(self, config: Config, spans: SpanSettings, fingerprint: str) -> Trained:
        """Trains on these spans, judges, and publishes what is blessed. Raises what a component raises."""

    def note(self, history: Sequence[RetrainingRecord]) -> None:
        """Puts the records into ML Metadata that are not there yet."""
