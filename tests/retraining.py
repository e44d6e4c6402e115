"""A place to run graphs that runs none: it plans spans as ingestion does, and publishes empty folders."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from components.datasets.spec import ANY_MODALITY, DatasetSpec
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.span_planning import plan_spans
from components.image_example_gen.store import Locations
from components.manifest import ManifestEntry, write_manifest
from components.near_duplicates import FINGERPRINT_LENGTH
from components.settings import DataSettings, RetrainingSettings, SpanSettings
from components.span_gate.content import SpanVerdict
from components.spans.fingerprints import write_fingerprints
from pipeline.config import Config
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.retrain import Retraining
from pipeline.retraining.runner import Trained, Validated
from schema.errors import DataRejectedError
from tests.manifests import inspected_image

LABELS = ("a", "b")
SPEC = DatasetSpec("image_folder", "X", ANY_MODALITY, "nowhere", "<class>/*", LABELS, "b", lambda listing: ())
CONFIG = Config(
    name="x",
    data=DataSettings(dataset="image_folder", labels=LABELS, positive_label="b"),
    retraining=RetrainingSettings(minimum_new_images=4, minimum_new_patients=2),
)
REFUSED_FILE = "refuse me"
DRIFTED_FILE = "drifted"


def write_span(data: Path, name: str, patients: Sequence[str], *extra: str) -> Path:
    """`<class>/<patient>-<number>` with a text of its own. Returns the folder."""
    folder = data / name
    folder.mkdir(parents=True)
    for position, patient in enumerate(patients):
        for number in range(2):
            path = folder / LABELS[position % 2] / f"{patient}-{number}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{name} {path.name}")
    for file in extra:
        (folder / file).write_text("")
    return folder


@dataclass
class FakeRunner:
    """See `pipeline.retraining.runner.Runner`. As TFX's cache does, it publishes the same data once.

    Attributes:
        blessed: whether what is trained is.
        failure: raised instead of training.
        trained: the settings of each training that was not cached.
    """

    data: Path
    output: Path
    blessed: bool = True
    failure: Exception | None = None
    trained: list[SpanSettings] = field(default_factory=list)

    def incumbent_version(self) -> int | None:
        return max((int(path.read_text()) for path in self._serving.iterdir()), default=None)

    def validate(self, config: Config, spans: SpanSettings, fingerprint: str) -> Validated:
        folder = self.data / spans.folders[0]
        if (folder / REFUSED_FILE).exists():
            raise DataRejectedError("The data gate refuses these data.", reasons=["bad"], fix="correct them")
        paths = sorted(path for path in folder.glob("*/*") if path.is_file())
        entries = [_entry(path, self.data) for path in paths]
        codes = np.zeros((len(entries), FINGERPRINT_LENGTH), np.uint8)
        inspection = Inspection(entries, Locations([None] * len(entries)), codes)
        planned = plan_spans(SPEC, inspection, config.data, spans)
        manifest = self.output / "manifest"
        shutil.rmtree(manifest, ignore_errors=True)
        manifest.mkdir()
        write_manifest(planned.entries, planned.pairs, str(manifest))
        write_fingerprints(planned.entries, codes, str(manifest))
        drifted = (folder / DRIFTED_FILE).exists()
        taken_in = [entry for entry in planned.entries if entry.split]
        verdict = SpanVerdict(
            reasons=[],
            drift=["brightness: differs"] if drifted else [],
            notes=["The published model falls."] if drifted else [],
            images=len(taken_in),
            patients=len({entry.group for entry in taken_in}),
            asked=None,
        )
        return Validated(verdict, manifest)

    def train(self, config: Config, spans: SpanSettings, fingerprint: str) -> Trained:
        if self.failure:
            raise self.failure
        kept = self._serving / spans.ledger_checksum
        if not kept.exists():
            self.trained.append(spans)
        version = self._publish(kept) if self.blessed else None
        report = self.output / "report"
        report.mkdir(exist_ok=True)
        (report / "index.html").write_text("<p>")
        return Trained(version, [] if version else ["not good enough"], {"test_auc": 0.9}, {}, {}, {}, report)

    def note(self, history: Sequence[RetrainingRecord]) -> None:
        (self.output / "noted").mkdir(parents=True, exist_ok=True)
        for record in history:
            (self.output / "noted" / str(record.number)).write_text(record.action)

    def _publish(self, kept: Path) -> int:
        """A file that names the version, in one step with its being remembered."""
        if not kept.exists():
            partial = self.output / "publishing"
            partial.write_text(str(len(list(self._serving.iterdir())) + 1))
            partial.rename(kept)
        return int(kept.read_text())

    @property
    def _serving(self) -> Path:
        folder = self.output / "serving"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _entry(path: Path, data: Path) -> ManifestEntry:
    return inspected_image(
        path.relative_to(data).as_posix(),
        label=path.parent.name,
        patient=path.name.partition("-")[0],
        sha256=path.read_text(),
        pixel_sha256=path.read_text(),
    )


def month(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=30 * number)


@dataclass
class Place:
    """A data folder and an output folder. Attributes: now: months since 2026 began."""

    root: Path
    config: Config = CONFIG
    now: int = 0

    def __post_init__(self) -> None:
        self.data.mkdir(exist_ok=True, parents=True)
        self.runner = FakeRunner(self.data, self.root / "output")

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def folder(self) -> RetrainingFolder:
        return RetrainingFolder(self.root / "output" / "retraining")

    def retrain(self) -> RetrainingRecord:
        self.now += 1
        return Retraining(self.config, self.data, self.folder, self.runner, lambda: month(self.now)).do()
