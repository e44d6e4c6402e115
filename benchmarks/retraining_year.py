"""A simulated year of retraining: a new scanner in one month, wrong labels in another.

    python -m benchmarks.retraining_year --output DIR

Each month brings a span of phantoms, of new patients and of some who come again. A new scanner comes in month 6 and
stays; in month 9 the classes are shuffled among the patients, and a month later the corrected span arrives. After
each month everything that retraining promises is checked, and a line of the table is printed.
"""

import argparse
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from components.datasets.synthetic import BENIGN, LABELS, MALIGNANT, patient_views
from pipeline.config import load_config
from pipeline.output import OutputFolder, open_output
from pipeline.retraining.local import retrain_locally
from pipeline.retraining.record import RetrainingRecord
from tests.retraining_promises import Promises

SCANNER_MONTH: Final = 6
FAULT_MONTH: Final = 9
MONTHS: Final = 12
SEED: Final = 7
RETURNING: Final = 6
VIEWS: Final = 2  # in the first month of a patient; the others are taken when it comes again
SETTINGS: Final = (
    "name=year",
    "model.image_size=[64, 64]",
    "train.epochs=15",
    "train.warm_start=true",
    "train.learning_rate=0.0005",
    "gate.maximum_auc_drop=0.0",
    "gate.minimum_recall=0.6",
    "gate.maximum_recall_drop=0.2",
    "clinical.maximum_auc_drop=0.1",
    "retraining.window=6",
)
HEADER: Final = f"{'month':7}{'what':14}{'images train/eval/test':24}{'AUC':7}{'before':8}{'seconds':9}why"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=40, help="new ones each month")
    arguments = parser.parse_args()
    data = arguments.output / "data"
    data.mkdir(parents=True)
    year = _Year(data, open_output(arguments.output / "results"), arguments.patients)
    print(HEADER, flush=True)
    for month in range(1, MONTHS + 1):
        year.live(month)


class _Year:
    def __init__(self, data: Path, output: OutputFolder, patients: int) -> None:
        self._data = data
        self._patients = patients
        self._output = output
        self._config = load_config("synthetic", SETTINGS)
        self._promises = Promises(output)

    def live(self, month: int) -> None:
        self._write_span(month, shuffled=month == FAULT_MONTH)
        if month == FAULT_MONTH + 1:
            shutil.rmtree(self._data / _name(FAULT_MONTH))
            self._write_span(FAULT_MONTH, shuffled=False)
        started = time.perf_counter()
        date = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=30 * month)
        record = retrain_locally(self._config, self._data, self._output, lambda: date)
        _print(month, record, time.perf_counter() - started)
        self._promises.check(record)
        if month == SCANNER_MONTH:
            assert any("brightness" in text for text in record.drift), record.drift
        if month < SCANNER_MONTH:
            assert not record.drift, record.drift
        assert record.spans_refused == ([_name(FAULT_MONTH)] if month == FAULT_MONTH else []), record.reasons

    def _write_span(self, month: int, shuffled: bool) -> None:
        folder = self._data / f"{_name(month)}.partial"
        for label in LABELS:
            (folder / label).mkdir(parents=True)
        new = range(month * self._patients, (month + 1) * self._patients)
        known = range((month - 1) * self._patients, month * self._patients)[:RETURNING] if month > 1 else []
        labels = [_truth(patient) for patient in new]
        if shuffled:
            labels = np.random.default_rng(SEED).permutation(labels).tolist()
        for patient, label in zip(new, labels, strict=True):
            self._write_images(folder, month, patient, label, slice(0, VIEWS))
        for patient in known:
            self._write_images(folder, month, patient, _truth(patient), slice(VIEWS, None))
        folder.rename(self._data / _name(month))

    def _write_images(self, folder: Path, month: int, patient: int, label: str, views: slice) -> None:
        for number, pixels in list(enumerate(patient_views(SEED, patient, _truth(patient))))[views]:
            name = f"patient-{patient:04d}_image-{number}.png"
            Image.fromarray(_scanned(pixels, month)).save(folder / label / name)


def _truth(patient: int) -> str:
    return MALIGNANT if np.random.default_rng((SEED, patient, 1)).random() < 0.45 else BENIGN


def _scanned(pixels: NDArray[np.uint8], month: int) -> NDArray[np.uint8]:
    """The new scanner has more gain and less contrast."""
    if month < SCANNER_MONTH:
        return pixels
    return np.clip(0.7 * pixels + 110, 0, 255).astype(np.uint8)


def _name(month: int) -> str:
    return f"2026-{month:02d}"


def _print(month: int, record: RetrainingRecord, seconds: float) -> None:
    images = "/".join(str(number) for number in record.images.values())
    both = record.figures, record.incumbent_figures
    auc, before = (f"{figures['test_auc']:.3f}" if figures else "" for figures in both)
    line = f"{month:<7}{record.action:14}{images:24}{auc:7}{before:8}{seconds:<9.0f}{' '.join(record.reasons)}"
    print("\n    drift: ".join([line, *record.drift]), flush=True)


if __name__ == "__main__":
    main()
