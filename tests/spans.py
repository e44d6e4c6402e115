"""Spans of small, learnable pictures, for tests of retraining: stripes across or along, hidden in noise."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LABELS = ("benign", "malignant")
SIDE = 36
WAVELENGTH = 6.0
FAINTEST, STRONGEST = 8.0, 40.0
NOISE = 25.0
USUAL, BRIGHT = 110.0, 190.0

CONFIGURATION = {
    "name": "year",
    "data": {
        "dataset": "image_folder",
        "labels": list(LABELS),
        "positive_label": "malignant",
        "images_per_shard": 64,
    },
    "model": {"architecture": "cnn", "image_size": [32, 32]},
    "train": {
        "epochs": 8,
        "batch_size": 8,
        "learning_rate": 0.003,
        "monitor": "val_loss",
        "augmentation": {"rotation_degrees": 0, "translation": 0, "zoom": 0, "brightness": 0, "contrast": 0},
    },
    "gate": {"minimum_auc": 0.6, "minimum_recall": 0.3, "maximum_auc_drop": 0.0, "maximum_recall_drop": 0.2},
    "clinical": {"certify": False, "maximum_auc_drop": 0.2},
    "serving": {"model_name": "year"},
    "retraining": {"minimum_new_images": 20, "minimum_new_patients": 5},
}


@dataclass(frozen=True)
class Patient:
    """Attributes: label: the truth, which the folder may not name."""

    number: int
    label: str

    @property
    def name(self) -> str:
        return f"patient {self.number:04d}"


def patients(numbers: Iterable[int]) -> list[Patient]:
    return [Patient(number, LABELS[number % 2]) for number in numbers]


def write_span(
    folder: Path,
    of: Iterable[Patient],
    views: int = 2,
    brightness: float = USUAL,
    named: Callable[[Patient], str] = lambda patient: patient.label,
) -> Path:
    """`<class>/patient 0001 (1).png` and `groups.csv`. Args: named: the class that the folder says."""
    rows = []
    for patient in of:
        label = named(patient)
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(views):
            path = f"{label}/{patient.name} ({number}).png"
            Image.fromarray(picture(patient, number, folder.name, brightness)).save(folder / path)
            rows.append((path, patient.name))
    with (folder / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "group"), *rows])
    return folder


def exchanged(patient: Patient) -> str:
    """The other class: a label fault."""
    return LABELS[1 - LABELS.index(patient.label)]


def picture(patient: Patient, number: int, span: str, brightness: float = USUAL) -> NDArray[np.uint8]:
    """(SIDE, SIDE); other views in every span."""
    generator = np.random.default_rng([patient.number, number, *span.encode()])
    rows, columns = np.mgrid[:SIDE, :SIDE]
    along = columns if patient.label == "malignant" else rows
    stripes = np.sin(2 * np.pi * along / WAVELENGTH + generator.uniform(0, 2 * np.pi))
    strength = generator.uniform(FAINTEST, STRONGEST)
    values = brightness + strength * stripes + generator.normal(0, NOISE, (SIDE, SIDE))
    return np.clip(values, 0, 255).astype(np.uint8)
