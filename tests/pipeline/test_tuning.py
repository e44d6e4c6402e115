"""A run that tunes: what is chosen is what is trained, and nothing is tuned twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Outcome, Runner

TUNING = (
    "tuning.trials=3",
    "tuning.learning_rate={low: 1e-4, high: 1e-2}",
    "tuning.dropout={low: 0.1, high: 0.5}",
    "train.epochs=3",
    "gate={minimum_auc: 0, minimum_recall: 0}",
)


@pytest.fixture(scope="module")
def tuned(
    configuration_file: Path, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Runner, Outcome]:
    runner = Runner(configuration_file, tmp_path_factory.mktemp("tuned"))
    return runner, runner.run(image_folder, *TUNING)


def _output(runner: Runner, pattern: str) -> Any:
    (path,) = runner.output.glob(f"**/{pattern}")
    return json.loads(path.read_text())


@pytest.mark.slow
def test_the_trainer_trains_what_did_best_and_the_report_says_so(tuned: tuple[Runner, Outcome]) -> None:
    runner, outcome = tuned

    assert outcome.executed[outcome.executed.index("Transform") :][:3] == ["Transform", "Tuner", "Trainer"]
    trials = _output(runner, "tuner_results.json")
    training = _output(runner, "training.json")
    best = min(trials, key=lambda trial: trial["score"])
    assert len(trials) == 3
    assert training["tuned"] == {key: best[key] for key in ("train.learning_rate", "model.dropout")}
    assert training["history"]["val_loss"][training["best_epoch"] - 1] == pytest.approx(best["score"], rel=1e-4)
    assert {key: value for key, value in outcome.summary["lineage"].items() if key.startswith("tuned ")} == {
        f"tuned {key}": str(value) for key, value in training["tuned"].items()
    }
    assert outcome.versions


@pytest.mark.slow
def test_another_operating_point_trains_anew_with_what_was_tuned_before(
    tuned: tuple[Runner, Outcome], image_folder: Path
) -> None:
    runner, _ = tuned

    again = runner.run(image_folder, *TUNING, "operating_point.target_recall=0.7")

    assert "Tuner" in again.cached
    assert "Trainer" in again.executed
