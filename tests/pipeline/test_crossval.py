"""Cross-validation of a small data set, from the folder to the table."""

import csv
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from components.cross_validation.content import CrossValidationSummary
from pipeline.config import load_config
from pipeline.local import cross_validate_locally
from pipeline.output import open_output
from tests.pipeline.conftest import IMAGES_PER_PATIENT, PATIENTS_PER_CLASS

IMAGES = 2 * PATIENTS_PER_CLASS * IMAGES_PER_PATIENT


@pytest.mark.slow
def test_every_image_is_judged_once_by_a_model_that_never_saw_its_patient(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    config = load_config(str(configuration_file), ["train.epochs=3"])
    output = open_output(tmp_path / "out")

    cross_validate_locally(config, image_folder, output, folds=3)

    folder = output.cross_validation
    summary = CrossValidationSummary.model_validate_json((folder / "cross_validation.json").read_text())
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (summary.images, summary.groups, len(summary.folds)) == (IMAGES, 2 * PATIENTS_PER_CLASS, 3)
    assert len({row["source"] for row in rows}) == len(rows) == IMAGES
    fold_of = {row["group"]: row["fold"] for row in rows}
    assert all(fold_of[row["group"]] == row["fold"] for row in rows)
    assert sum(fold.test_images for fold in summary.folds) == IMAGES
    for fold in summary.folds:
        assert fold.train_images + fold.eval_images + fold.test_images == IMAGES
    for row in rows:
        assert float(row["benign"]) + float(row["malignant"]) == pytest.approx(1.0, abs=1e-6)
        threshold = summary.folds[int(row["fold"]) - 1].threshold
        assert (row["decided"] == "malignant") == (float(row["malignant"]) >= threshold)
    right = sum(row["decided"] == row["label"] for row in rows)
    assert summary.pooled["accuracy"].value == pytest.approx(right / IMAGES)
    auc = summary.pooled["auc"]
    assert auc.low is not None
    assert auc.high is not None
    assert auc.value is not None
    scores = [float(row["malignant"]) for row in rows]
    assert auc.value == pytest.approx(roc_auc_score([row["label"] == "malignant" for row in rows], scores))
    assert auc.low < auc.value < auc.high
    assert list((output.pipeline_root / "CrossValidator").glob("checkpoints/*")) == []
