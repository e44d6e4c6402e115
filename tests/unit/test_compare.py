"""Runs side by side: the same images are paired, and what cannot be compared says why."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.clinical_evaluator.executor import write_evaluation
from components.clinical_evaluator.predictions_table import parse_predictions, predictions_table
from components.clinical_evaluator.scored_images import ScoredImages
from pipeline.cli.compare import compare_command, compare_pair
from schema.errors import ConfigurationError
from tests.clinical import LABELS, evaluation_of, scored_images


def _write(folder: Path, images: ScoredImages) -> Path:
    (folder / "evaluation").mkdir(parents=True)
    write_evaluation(evaluation_of(images, certify=False), images, str(folder / "evaluation"))
    return folder


def test_predictions_survive_the_table() -> None:
    images = scored_images(sources=[f'we"ird, {number}\r\n.png' for number in range(120)])
    found = parse_predictions(predictions_table(images), LABELS, "malignant", 0.5)

    assert list(found.sources) == list(images.sources)
    assert found.groups.tolist() == images.groups.tolist()
    np.testing.assert_array_equal(found.probabilities, images.probabilities)
    np.testing.assert_array_equal(found.truth, images.truth)
    np.testing.assert_array_equal(found.decided, images.decided)


def test_common_images_are_paired_whatever_their_order() -> None:
    first = scored_images(seed=1)
    second = scored_images(seed=2).take(list(range(119, 19, -1)))
    found = compare_pair("b", second, "a", first)

    assert found.images == 100
    assert found.difference is not None
    positive = first.is_positive[20:]
    expected = roc_auc_score(positive, scored_images(seed=2).scores[20:]) - roc_auc_score(positive, first.scores[20:])
    assert found.difference.auc.value == pytest.approx(expected)
    assert found.difference.baseline == "a"


def test_an_image_with_another_label_is_another_image() -> None:
    first = scored_images()
    truth = first.truth.copy()
    truth[:10] = 1 - truth[:10]

    assert compare_pair("b", scored_images(truth=truth), "a", first).images == 110


def test_what_cannot_be_compared_says_why() -> None:
    first = scored_images()
    elsewhere = scored_images(sources=[f"other {number}.png" for number in range(120)])
    swapped = scored_images(labels=("malignant", "benign"))

    assert compare_pair("b", elsewhere, "a", first).remark == "they were tested on different images"
    assert compare_pair("b", swapped, "a", first).remark == "they tell other classes apart"
    assert compare_pair("b", elsewhere, "a", first).difference is None


def test_the_command_shows_both_runs_and_writes_their_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    runs = [_write(tmp_path / "a", scored_images(seed=1)), _write(tmp_path / "b", scored_images(seed=2))]

    compare_command(runs, tmp_path / "found.json")

    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    aucs = [run["discrimination"]["auc"]["value"] for run in found["runs"].values()]
    assert list(found["runs"]) == [str(run) for run in runs]
    assert all(f"{auc:.3f} (" in printed for auc in aucs)
    (difference,) = found["differences"]
    assert difference["images"] == 120
    assert difference["difference"]["auc"]["value"] == pytest.approx(aucs[1] - aucs[0])
    assert f"{aucs[1] - aucs[0]:.3f} (" in printed


def test_one_run_or_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    run = _write(tmp_path / "a", scored_images())

    with pytest.raises(ConfigurationError, match="nothing to compare"):
        compare_command([run], None)
    with pytest.raises(ConfigurationError, match="holds no evaluation"):
        compare_command([run, tmp_path], None)
    (run / "evaluation" / "predictions.csv").write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"predictions\.csv cannot be read"):
        compare_command([run, run], None)
