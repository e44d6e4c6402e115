"""The Trainer: its inputs, what its executor tells `run_fn`, and what `run_fn` makes of it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact, artifact_utils, channel_utils, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.artifacts import ImageFeatures
from components.features.store import write_features
from components.settings import (
    ModelSettings,
    OperatingPointSettings,
    PredictionSettings,
    TrainerSettings,
    TrainSettings,
)
from components.trainer import run_fn as outline
from components.trainer.calibration import apply_temperature
from components.trainer.component import Executor, Trainer
from components.trainer.decision import Decision
from components.trainer.export import ServedModel
from components.trainer.phases import FINE_TUNING, HEAD, Task, TrainedNetwork, train_network
from components.trainer.predictor import build_predictor
from components.trainer.run_fn import run_fn
from components.trainer.warm_start import read_members
from schema import contract
from tests.training import (
    NO_AUGMENTATION,
    SHAPE,
    TINY,
    base_of,
    examples_of,
    features_of,
    learning_set_of,
    pictures,
    pretrained,
    task_of,
    write_examples,
)

LABELS = ("benign", "malignant")


def _settings(model: ModelSettings | None = None, **train: object) -> TrainerSettings:
    return TrainerSettings(
        labels=LABELS,
        positive_label="malignant",
        model=model or ModelSettings(),
        train=TrainSettings.model_validate({"augmentation": NO_AUGMENTATION, **train}),
        prediction=PredictionSettings(views=2),
        operating_point=OperatingPointSettings(target_recall=0.8),
        model_name="small",
    )


def _artifact(kind: type[artifact.Artifact], uri: Path | str) -> artifact.Artifact:
    made = kind()
    made.uri = str(uri)
    return made


def _trainer(features: artifact.Artifact | None) -> Trainer:
    examples = _artifact(standard_artifacts.Examples, "/examples")
    examples.split_names = artifact_utils.encode_split_names([contract.TRAIN, contract.EVAL])
    graph = _artifact(standard_artifacts.TransformGraph, "/graph")
    return Trainer(
        examples=channel_utils.as_channel([examples]),
        transform_graph=channel_utils.as_channel([graph]),
        settings=_settings(),
        features=channel_utils.as_channel([features]) if features else None,
    )


def _arguments(trainer: Trainer) -> FnArgs:
    """What TFX's executor hands to `run_fn`."""
    inputs = {key: list(channel.get()) for key, channel in trainer.inputs.items()}
    outputs: dict[str, list[artifact.Artifact]] = {
        standard_component_specs.MODEL_KEY: [_artifact(standard_artifacts.Model, "/model")],
        standard_component_specs.MODEL_RUN_KEY: [_artifact(standard_artifacts.ModelRun, "/model_run")],
    }
    return Executor()._GetFnArgs(inputs, outputs, trainer.exec_properties)


def test_the_executor_tells_where_the_features_are() -> None:
    arguments = _arguments(_trainer(_artifact(ImageFeatures, "/features/7")))

    assert arguments.custom_config["features"] == "/features/7"
    assert TrainerSettings.model_validate_json(arguments.custom_config["settings"]) == _settings()
    assert arguments.train_files == ["/examples/Split-train/*"]
    assert arguments.eval_files == ["/examples/Split-eval/*"]
    assert arguments.transform_output == "/graph"


def test_without_features_it_tells_of_none() -> None:
    trainer = _trainer(None)

    assert set(trainer.inputs) == {"examples", "transform_graph"}
    assert "features" not in _arguments(trainer).custom_config


def test_the_component_by_value() -> None:
    trainer = _trainer(_artifact(ImageFeatures, "/features"))
    properties = trainer.exec_properties

    assert set(trainer.inputs) == {"examples", "transform_graph", "features"}
    assert {key: output.type for key, output in trainer.outputs.items()} == {
        "model": standard_artifacts.Model,
        "model_run": standard_artifacts.ModelRun,
    }
    assert json.loads(properties["train_args"])["splits"] == [contract.TRAIN]
    assert json.loads(properties["eval_args"])["splits"] == [contract.EVAL]  # never `test`
    assert properties["run_fn"] == f"{run_fn.__module__}.{run_fn.__qualname__}"
    assert json_utils.loads(properties["custom_config"]) == {"settings": _settings().model_dump_json()}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


def _run(
    settings: TrainerSettings, folder: Path, monkeypatch: pytest.MonkeyPatch, *, with_features: bool
) -> tuple[ServedModel, dict[str, Any]]:
    """Runs `run_fn` up to the export; returns what would have been exported, and the record."""
    exported: list[ServedModel] = []
    monkeypatch.setattr(outline, "get_model", {"tiny": TINY}.__getitem__)
    monkeypatch.setattr(outline, "tft", SimpleNamespace(TFTransformOutput=lambda path: f"graph of {path}"))
    monkeypatch.setattr(outline, "export", lambda served, directory: exported.append(served))
    base = base_of(task_of(settings.model).build())
    for split, count, seed in ((contract.TRAIN, 24, 1), (contract.EVAL, 20, 2)):
        examples = examples_of(*pictures(count, seed=seed))
        write_examples(folder / split / "a.gz", examples, order=range(count)[::-1])
        maps = features_of(base, examples).maps
        # In an order of their own, as they are joined by source.
        sources = examples.sources()[::-1]
        write_features(str(folder / "features" / f"Split-{split}"), sources, maps.shape[1:], [maps[::-1]])
    config = {"settings": settings.model_dump_json()}
    if with_features:
        config["features"] = str(folder / "features")
    run_fn(
        FnArgs(
            train_files=[str(folder / contract.TRAIN / "*")],
            eval_files=[str(folder / contract.EVAL / "*")],
            transform_output="here",
            serving_model_dir=str(folder / "model" / "Format-Serving"),
            model_run_dir=str(folder / "run"),
            custom_config=config,
        )
    )
    (served,) = exported
    return served, json.loads((folder / "run" / contract.TRAINING_FILE).read_text())


def _members(settings: TrainerSettings) -> tuple[Task, list[TrainedNetwork]]:
    values = settings.train.model_dump()
    task = task_of(settings.model, **values)
    train, evaluation = learning_set_of(task, 24, seed=1), learning_set_of(task, 20, seed=2)
    return task, [
        train_network(task, train, evaluation, settings.train.seed + number)
        for number in range(settings.train.members)
    ]


def test_the_outline(model: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(model, epochs=2, batch_size=8, learning_rate=0.02, members=2, seed=5, feature_views=0)

    served, record = _run(settings, tmp_path, monkeypatch, with_features=True)

    task, members = _members(settings)
    network = build_predictor(task, [member.weights for member in members], views=2).network
    images, labels = pictures(20, seed=2)
    scores = network.predict(images.astype(np.float32), verbose=0)[:, 0]
    np.testing.assert_allclose(
        served.predictor.network.predict(images.astype(np.float32), verbose=0)[:, 0], scores, atol=1e-6
    )
    assert (served.name, served.labels, served.shape) == ("small", LABELS, SHAPE)
    assert served.transform_output == "graph of here"
    decision = served.decision
    calibrated = apply_temperature(np.stack([1 - scores, scores], axis=1), decision.temperature)[:, 1]
    assert (calibrated[labels == 1] >= decision.threshold).mean() == 0.8  # 8 of 10
    assert decision != Decision(1.0, 0.5)
    kept = read_members(str(tmp_path / "model"))
    for mine, theirs in zip(kept, members, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(mine, theirs.weights, strict=True))
    assert record["phases"] == {HEAD: 2}
    assert record["history"]["val_auc"] == members[0].histories[HEAD].values["val_auc"]
    assert record["best_epoch"] == members[0].best_epoch
    assert record["parameters"] == network.count_params()
    assert {key: record[key] for key in ("members", "temperature", "threshold", "image_size")} == {
        "members": 2,
        "temperature": decision.temperature,
        "threshold": decision.threshold,
        "image_size": [16, 16],
    }


def test_without_features_all_is_trained_at_once(
    model: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(model.model_copy(update={"weights": "none", "weights_sha256": ""}), epochs=1, batch_size=8)

    _, record = _run(settings, tmp_path, monkeypatch, with_features=False)

    assert record["phases"] == {"training": 1}


def test_the_second_phase_is_recorded(model: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(model, epochs=1, batch_size=8, fine_tuning={"epochs": 1}, feature_views=0)

    _, record = _run(settings, tmp_path, monkeypatch, with_features=True)

    assert record["phases"] == {HEAD: 1, FINE_TUNING: 1}
    assert record["best_epoch"] in (1, 2)
    assert {len(values) for values in record["history"].values()} == {2}
