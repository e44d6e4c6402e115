"""A small, learnable data set on disk, and runs of the whole pipeline on it."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from schema.errors import DataRejectedError

PATIENTS_PER_CLASS = 20
IMAGES_PER_PATIENT = 3
SIDE = 36
# Stripes across or along, often hidden in noise: training helps, and no model is perfect, so that gates close.
WAVELENGTH = 6.0
FAINTEST, STRONGEST = 2.0, 40.0
NOISE = 25.0
USUAL, BRIGHT = 120.0, 200.0

CONFIGURATION = {
    "name": "small",
    "data": {
        "dataset": "image_folder",
        "labels": ["benign", "malignant"],
        "positive_label": "malignant",
        "images_per_shard": 16,
    },
    "model": {"architecture": "cnn", "image_size": [32, 32]},
    "train": {
        "epochs": 10,
        "batch_size": 8,
        "learning_rate": 0.003,
        "monitor": "val_loss",
        "augmentation": {"rotation_degrees": 0, "translation": 0, "zoom": 0, "brightness": 0, "contrast": 0},
    },
    "gate": {"minimum_auc": 0.55, "minimum_recall": 0.3},
    "clinical": {"certify": False},
    "serving": {"model_name": "small"},
}


def published_versions(output: Path) -> list[str]:
    """All that lies where a server looks, but for the publishers' lock."""
    folder = output / "serving" / "small"
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted(name for name in names if name != ".publishing.lock")


def write_images(root: Path, brightness: float = USUAL) -> Path:
    """`<class>/patient 01 (1).png`, with upright stripes for malignant, and `groups.csv`. Returns the folder."""
    rows = []
    for label in ("benign", "malignant"):
        (root / label).mkdir(parents=True)
        for patient in range(PATIENTS_PER_CLASS):
            for number in range(IMAGES_PER_PATIENT):
                path = f"{label}/patient {patient:02d} ({number}).png"
                Image.fromarray(_picture(label, patient, number, brightness)).save(root / path)
                rows.append((path, f"{label} {patient:02d}"))
    with (root / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "group"), *rows])
    return root


def _picture(label: str, patient: int, number: int, brightness: float) -> np.ndarray:
    generator = np.random.default_rng([patient, number, label == "malignant"])
    rows, columns = np.mgrid[:SIDE, :SIDE]
    along = columns if label == "malignant" else rows
    stripes = np.sin(2 * np.pi * along / WAVELENGTH + generator.uniform(0, 2 * np.pi))
    strength = generator.uniform(FAINTEST, STRONGEST)
    values = brightness + strength * stripes + generator.normal(0, NOISE, (SIDE, SIDE))
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def configuration_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("configuration") / "small.yaml"
    path.write_text(yaml.safe_dump(CONFIGURATION))
    return path


@dataclass(frozen=True)
class Outcome:
    """What a run did. Attributes: executed: components that ran; cached: those whose earlier result was taken."""

    executed: list[str]
    cached: list[str]
    summary: dict[str, Any]
    versions: list[str]

    @property
    def blessed(self) -> bool:
        return bool(self.summary["gate"]["blessed"])

    @property
    def baseline(self) -> str | None:
        """What the gate compared with."""
        found: str | None = self.summary["gate"]["baseline"]
        return found

    @property
    def published(self) -> str | None:
        """The version."""
        publication = self.summary["publication"]
        return publication["version"] if publication else None

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Of the gate."""
        found: list[dict[str, Any]] = self.summary["gate"]["checks"]
        return found

    def measured(self, metric: str) -> float:
        """What the gate observed."""
        return float(next(c["observed"] for c in self.checks if (c["metric"], c["kind"]) == (metric, "value")))


class Runner:
    """Runs the pipeline in this process, which has TFX imported already."""

    def __init__(self, configuration_file: Path, output: Path) -> None:
        self.configuration_file = configuration_file
        self.output = output
        self.events: list[Any] = []

    def refused(self, data: Path, *overrides: str) -> DataRejectedError:
        """Runs on data that must be refused, by the data gate and by nothing after it."""
        from pipeline.events import ComponentStarted

        with pytest.raises(DataRejectedError) as caught:
            self.run(data, *overrides)
        started = [event.component for event in self.events if isinstance(event, ComponentStarted)]
        assert started[-1] == "DataGate"
        assert not {"Transform", "Trainer", "Evaluator", "Pusher", "RunReport"} & set(started)
        return caught.value

    def run(self, data: Path, *overrides: str) -> Outcome:
        from pipeline.config import load_config
        from pipeline.listener import RunListener, listening
        from pipeline.local import run_locally
        from pipeline.output import open_output

        self.events = []
        with listening(RunListener(self.events.append)):
            run_locally(load_config(str(self.configuration_file), overrides), data, open_output(self.output))
        finished = self.finished()
        return Outcome(
            executed=[component for component, cached in finished.items() if not cached],
            cached=[component for component, cached in finished.items() if cached],
            summary=json.loads((self.output / "report" / "summary.json").read_text()),
            versions=self.versions(),
        )

    def finished(self) -> dict[str, bool]:
        """The components that the latest run finished, in their order, and whether their result was cached."""
        from pipeline.events import ComponentFinished

        return {event.component: event.cached for event in self.events if isinstance(event, ComponentFinished)}

    def versions(self) -> list[str]:
        return published_versions(self.output)
