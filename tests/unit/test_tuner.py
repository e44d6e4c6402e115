"""Tuning: what may be tried, which trial is the best, and that the Trainer trains with exactly its values."""

import json
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts
from tfx.utils import json_utils

from components import artifacts
from components.features.store import write_features
from components.models.registry import all_models, get_model
from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE, Progress
from components.settings import (
    AugmentationSettings,
    DropoutRange,
    FineTuningSettings,
    LearningRateRange,
    ModelSettings,
    OperatingPointSettings,
    PredictionSettings,
    TrainerSettings,
    TrainSettings,
    TunerSettings,
    TuningSettings,
)
from components.trainer import component as trainer_component
from components.trainer.fit import History
from components.trainer.learning_set import LearningSet
from components.trainer.phases import FINE_TUNING, HEAD, WHOLE, Task, TrainedNetwork, train_network
from components.tuner import component, tuner_fn
from components.tuner.search_space import FACTORS, TUNED_KEYS, check_tuning, search_space, strengthened, with_values
from components.tuner.tuner_fn import TrialTuner, best_value
from pipeline.config import Config, load_config
from pipeline.graph import Platform, build_cross_validation, build_pipeline
from schema import contract
from schema.errors import BreastImagingError, ConfigurationError
from tests.training import (
    NO_AUGMENTATION,
    TINY,
    base_of,
    examples_of,
    features_of,
    pictures,
    pretrained,
    task_of,
    write_examples,
)

UNTRAINED = ModelSettings(architecture="tiny", weights="none")
RATES = {"low": 1e-4, "high": 1e-1}
PLATFORM = Platform("/data", "fingerprint", "/root", "/serving")


def _settings(tuning: dict[str, Any], model: ModelSettings = UNTRAINED, **train: object) -> TunerSettings:
    return TunerSettings(
        labels=("benign", "malignant"),
        positive_label="malignant",
        model=model,
        train=TrainSettings.model_validate({"augmentation": NO_AUGMENTATION, "batch_size": 8, "epochs": 2, **train}),
        tuning=TuningSettings.model_validate(tuning),
    )


def _tuner(tuning: dict[str, Any], folder: Path, **train: object) -> TrialTuner:
    chosen = _settings(tuning, **train)
    return TrialTuner(task_of(chosen.model, **dict(chosen.train)), chosen, str(folder))


@pytest.fixture
def progress() -> Iterator[list[Progress]]:
    heard: list[Progress] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(getattr(record, RECORD_ATTRIBUTE))

    logger, listener = logging.getLogger(LOGGER_NAME), Listener()
    logger.setLevel(logging.INFO)
    logger.addHandler(listener)
    yield heard
    logger.removeHandler(listener)


Outcome = Callable[[Task], float]
Fake = Callable[[Outcome], list[dict[str, Any]]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Replaces training by a function from the task to the monitored value, and notes what it is called with."""

    def replace(outcome: Outcome) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def train(task: Task, train: LearningSet, evaluation: LearningSet, seed: int, title: str) -> TrainedNetwork:
            calls.append({"task": task, "train": train, "evaluation": evaluation, "seed": seed, "title": title})
            values = [0.5, outcome(task), 0.5]  # the second epoch is the one that is kept, better or not
            return TrainedNetwork([], {WHOLE: History({task.train.monitor: values}, best_epoch=2)}, WHOLE)

        monkeypatch.setattr(tuner_fn, "train_network", train)
        monkeypatch.setattr("keras.backend.clear_session", lambda: None)  # takes a second
        return calls

    return replace


# What may be tried


def test_the_search_space_is_named_by_the_keys_of_the_configuration() -> None:
    space = search_space(
        TuningSettings(
            heads=("gap", "dense"),
            dropout=DropoutRange(low=0.1, high=0.6),
            learning_rate=LearningRateRange(low=1e-4, high=1e-2),
            fine_tuning_learning_rate=LearningRateRange(low=1e-6, high=1e-4),
            augmentation=("none", "configured"),
        )
    )

    found = {parameter.name: parameter for parameter in space.space}
    assert list(found) == list(TUNED_KEYS.values())
    assert found["model.head"].values == ["gap", "dense"]
    assert found["train.augmentation"].values == ["none", "configured"]
    ranges = {
        key: (found[key].min_value, found[key].max_value, found[key].sampling)
        for key in ("model.dropout", "train.learning_rate", "train.fine_tuning.learning_rate")
    }
    assert ranges == {
        "model.dropout": (0.1, 0.6, "linear"),
        "train.learning_rate": (1e-4, 1e-2, "log"),
        "train.fine_tuning.learning_rate": (1e-6, 1e-4, "log"),
    }


def test_what_is_not_named_is_not_tried() -> None:
    space = search_space(TuningSettings(dropout=DropoutRange(low=0.1, high=0.6)))

    assert [parameter.name for parameter in space.space] == ["model.dropout"]


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ({"trials": 0}, "trials"),
        ({"trials": 1001}, "trials"),
        ({"trial": 3}, "trial"),
        ({"learning_rate": {"low": 1e-2, "high": 1e-2}}, "low must be below high, and is 0.01 where high is 0.01"),
        ({"learning_rate": {"low": 1e-2, "high": 1e-3}}, "low must be below high"),
        ({"learning_rate": {"low": 0.0, "high": 1e-3}}, "learning_rate.low"),
        ({"learning_rate": {"low": 1e-3, "high": 1.5}}, "learning_rate.high"),
        ({"learning_rate": {"low": 1e-3}}, "learning_rate.high"),
        ({"learning_rate": {"low": math.nan, "high": 1e-3}}, "learning_rate.low"),
        ({"dropout": {"low": -0.1, "high": 0.5}}, "dropout.low"),
        ({"dropout": {"low": 0.1, "high": 1.0}}, "dropout.high"),
        ({"augmentation": ["strong", "none"]}, "augmentation.0"),
        ({"heads": "gap"}, "heads"),
    ],
)
def test_ranges_and_choices_that_cannot_be_are_refused(tuning: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TuningSettings.model_validate(tuning)


FINE_TUNED = TrainSettings(fine_tuning=FineTuningSettings())


@pytest.mark.parametrize(
    ("architecture", "train", "tuning", "what"),
    [
        ("vgg16", TrainSettings(), {}, "tuning: it names nothing that may be tried."),
        ("vgg16", TrainSettings(), {"heads": []}, "tuning: it names nothing that may be tried."),
        ("vgg16", TrainSettings(), {"heads": ["gap"]}, "tuning.heads: it takes two different values or more"),
        ("vgg16", TrainSettings(), {"heads": ["gap", "mlp", "gap"]}, "tuning.heads: it takes two different values"),
        ("vgg16", TrainSettings(), {"heads": ["gap", "dence"]}, "tuning.heads: there is none named 'dence'."),
        ("cnn", TrainSettings(), {"heads": ["gap", "dense"]}, "tuning.heads: cnn is trained from scratch"),
        ("cnn", TrainSettings(warm_start=True), {"learning_rate": RATES}, "tuning: every trial starts afresh"),
        (
            "vgg16",
            TrainSettings(),
            {"fine_tuning_learning_rate": RATES},
            "tuning.fine_tuning_learning_rate: there is no fine-tuning.",
        ),
        (
            "vgg16",
            TrainSettings(),
            {"augmentation": ["none", "double"]},
            "tuning.augmentation: the backbone of vgg16",
        ),
        (
            "cnn",
            TrainSettings(augmentation=AugmentationSettings(zoom=0.3)),
            {"augmentation": ["half", "double"]},
            "tuning.augmentation: double is more or less than train.augmentation.zoom allows.",
        ),
        (
            "cnn",
            TrainSettings(augmentation=AugmentationSettings(rotation_degrees=6, rotation_step_degrees=4)),
            {"augmentation": ["half", "configured"]},
            "tuning.augmentation: half is more or less than train.augmentation.rotation_step_degrees allows.",
        ),
        (
            "cnn",
            TrainSettings(augmentation=NO_AUGMENTATION),
            {"augmentation": ["none", "half"]},
            "tuning.augmentation: none and half are the same",
        ),
    ],
)
def test_what_would_change_nothing_is_refused(
    architecture: str, train: TrainSettings, tuning: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_tuning(
            get_model(architecture),
            ModelSettings(architecture=architecture),
            train,
            TuningSettings.model_validate(tuning),
        )

    assert caught.value.what.startswith(what)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("model", "train", "tuning"),
    [
        ({"architecture": "vgg16"}, TrainSettings(), {"heads": ["gap", "mlp"], "learning_rate": RATES}),
        ({"architecture": "vgg16"}, FINE_TUNED, {"fine_tuning_learning_rate": RATES}),
        ({"architecture": "vgg16"}, FINE_TUNED, {"augmentation": ["none", "half", "configured", "double"]}),
        ({"architecture": "vgg16", "weights": "none"}, TrainSettings(), {"augmentation": ["none", "double"]}),
        ({"architecture": "cnn"}, TrainSettings(), {"augmentation": ["none", "double"], "dropout": RATES}),
    ],
)
def test_what_can_be_tried_passes(model: dict[str, Any], train: TrainSettings, tuning: dict[str, Any]) -> None:
    chosen = ModelSettings.model_validate(model)

    check_tuning(get_model(chosen.architecture), chosen, train, TuningSettings.model_validate(tuning))


def test_a_configuration_names_the_key_at_fault() -> None:
    with pytest.raises(ConfigurationError, match="tuning: it names nothing"):
        load_config("synthetic", ["tuning={}"])
    with pytest.raises(ConfigurationError, match=r"tuning\.head: there is no such key; did you mean 'heads'"):
        load_config("synthetic", ["tuning.head=[gap]"])
    with pytest.raises(ConfigurationError, match=r"tuning\.dropout: Value error, low must be below high"):
        load_config("synthetic", ["tuning.dropout={low: 0.5, high: 0.1}"])
    assert load_config("synthetic").tuning is None


def test_a_configuration_with_tuning_survives_yaml(tmp_path: Path) -> None:
    overrides = [
        "tuning.trials=3",
        "tuning.learning_rate={low: 1e-4, high: 1e-2}",
        "tuning.augmentation=[none, half]",
    ]
    config = load_config("synthetic", overrides)
    (tmp_path / "copy.yaml").write_text(config.to_yaml())

    assert load_config(str(tmp_path / "copy.yaml")) == config
    assert config.tuning == TuningSettings(
        trials=3, learning_rate=LearningRateRange(low=1e-4, high=1e-2), augmentation=("none", "half")
    )


# How values get into the settings


def test_values_replace_their_like_and_nothing_else() -> None:
    before = _settings({"heads": ["gap", "mlp"]}, fine_tuning=FineTuningSettings(epochs=4), seed=7)
    values = {
        "model.head": "mlp",
        "model.dropout": 0.25,
        "train.learning_rate": 0.0123,
        "train.fine_tuning.learning_rate": 3e-5,
    }

    after = with_values(before, values)

    assert (after.model.head, after.model.dropout) == ("mlp", 0.25)
    assert after.train.learning_rate == 0.0123
    assert after.train.fine_tuning == FineTuningSettings(epochs=4, learning_rate=3e-5)
    put_back = {"model": before.model, "train": before.train}
    assert after.model_copy(update=put_back) == before
    assert after.model.model_copy(update={"head": "", "dropout": None}) == before.model
    rest = {"learning_rate": before.train.learning_rate, "fine_tuning": before.train.fine_tuning}
    assert after.train.model_copy(update=rest) == before.train


def test_the_tuner_and_the_trainer_make_the_same_of_values() -> None:
    tuner = _settings({"augmentation": ["none", "double"]}, augmentation=AugmentationSettings(), members=1)
    trainer = TrainerSettings(
        labels=tuner.labels,
        positive_label=tuner.positive_label,
        model=tuner.model,
        train=tuner.train,
        prediction=PredictionSettings(),
        operating_point=OperatingPointSettings(),
        model_name="m",
    )
    values = {"train.learning_rate": 0.3, "train.augmentation": "double", "model.dropout": 0.5}

    tried, trained = with_values(tuner, values), with_values(trainer, values)

    assert (tried.model, tried.train) == (trained.model, trained.train)
    assert tried.train.augmentation.rotation_degrees == 20.0


def test_values_that_no_setting_may_have_are_refused() -> None:
    with pytest.raises(ValidationError):
        with_values(_settings({}), {"train.learning_rate": 2.0})
    with pytest.raises(ValidationError):
        with_values(_settings({}), {"train.learning_rat": 0.1})


def test_no_values_leave_the_settings_as_they_are() -> None:
    assert with_values(_settings({}), {}) == _settings({})


def test_strengths() -> None:
    own = AugmentationSettings(
        vertical_flip=True, rotation_degrees=8, translation=0.04, zoom=0.2, brightness=0.1, contrast=0.0
    )

    assert strengthened(own, "configured") == own
    assert strengthened(own, "none") == NO_AUGMENTATION
    assert strengthened(own, "half") == AugmentationSettings(
        vertical_flip=True, rotation_degrees=4, translation=0.02, zoom=0.1, brightness=0.05, contrast=0.0
    )
    assert strengthened(own, "double") == AugmentationSettings(
        vertical_flip=True, rotation_degrees=16, translation=0.08, zoom=0.4, brightness=0.2, contrast=0.0
    )


def test_the_strength_of_a_preset_leaves_its_step_and_its_name() -> None:
    own = AugmentationSettings(preset="mias", brightness=0.05)

    assert strengthened(own, "configured") == own
    assert strengthened(own, "half") == own.model_copy(update={"rotation_degrees": 90.0, "brightness": 0.025})
    assert strengthened(own, "none") == own.model_copy(
        update={"horizontal_flip": False, "rotation_degrees": 0.0, "brightness": 0.0}
    )


def test_every_strength_that_can_be_configured_has_a_factor() -> None:
    assert TuningSettings(augmentation=tuple(FACTORS)).augmentation == tuple(FACTORS)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        TuningSettings.model_validate({"augmentation": ["triple"]})


@given(st.floats(1e-9, 1.0), st.floats(0.0, 0.99))
def test_values_survive_the_artifact_to_the_last_bit(rate: float, dropout: float) -> None:
    space = keras_tuner.HyperParameters()
    space.values = {"train.learning_rate": rate, "model.dropout": dropout}

    read = keras_tuner.HyperParameters.from_config(json.loads(json.dumps(space.get_config())))

    merged = with_values(_settings({}), read.values)
    assert (merged.train.learning_rate, merged.model.dropout) == (rate, dropout)


# The search


@pytest.mark.parametrize(("monitor", "best"), [("val_auc", max), ("val_loss", min)])
def test_the_best_trial_is_the_one_with_the_best_value(
    fake: Fake, tmp_path: Path, monitor: str, best: Callable[..., float]
) -> None:
    calls = fake(lambda task: task.train.learning_rate)
    tuner = _tuner({"trials": 6, "learning_rate": RATES}, tmp_path, monitor=monitor)

    tuner.search(train="train", evaluation="evaluation")

    rates = [call["task"].train.learning_rate for call in calls]
    assert len(set(rates)) == 6
    assert tuner.get_best_hyperparameters()[0].values == {"train.learning_rate": best(rates)}
    scores = [trial.score for trial in tuner.oracle.get_best_trials(6)]
    assert scores == sorted(rates, reverse=monitor == "val_auc")


def test_each_trial_trains_with_its_values_and_the_seed_of_the_settings(fake: Fake, tmp_path: Path) -> None:
    calls = fake(lambda task: 0.5)
    tuning = {"trials": 4, "heads": ["gap", "mlp"], "learning_rate": RATES, "dropout": {"low": 0.1, "high": 0.4}}
    tuner = _tuner(tuning, tmp_path, seed=9)

    tuner.search(train="train", evaluation="evaluation")

    assert len(calls) == 4
    for number, (call, trial) in enumerate(zip(calls, tuner.oracle.trials.values(), strict=True), start=1):
        merged = with_values(_settings(tuning, seed=9), trial.hyperparameters.values)
        assert (call["task"].model, call["task"].train) == (merged.model, merged.train)
        assert (call["train"], call["evaluation"], call["seed"]) == ("train", "evaluation", 9)
        assert call["title"] == f"trial {number} of 4, "
        assert 0.1 <= call["task"].model.dropout <= 0.4
        assert 1e-4 <= call["task"].train.learning_rate <= 1e-1
    assert {call["task"].model.head for call in calls} == {"gap", "mlp"}


def _drawn(tuner: TrialTuner) -> list[dict[str, Any]]:
    tuner.search(train=None, evaluation=None)
    return [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_decides_what_is_tried(fake: Fake, tmp_path: Path, seed: int) -> None:
    fake(lambda task: 0.5)
    tuning = {"trials": 4, "heads": ["gap", "mlp"], "learning_rate": RATES}

    first = _drawn(_tuner(tuning, tmp_path / "first", seed=seed))

    assert _drawn(_tuner(tuning, tmp_path / "second", seed=seed)) == first
    assert _drawn(_tuner(tuning, tmp_path / "third", seed=seed + 1)) != first


def test_what_an_earlier_search_left_in_the_folder_is_not_taken_up(fake: Fake, tmp_path: Path) -> None:
    calls = fake(lambda task: 0.5)
    tuning = {"trials": 2, "learning_rate": RATES}

    assert _drawn(_tuner(tuning, tmp_path)) == _drawn(_tuner(tuning, tmp_path))
    assert len(calls) == 4


def test_where_all_combinations_are_tried_the_search_ends(fake: Fake, tmp_path: Path) -> None:
    calls = fake(lambda task: 0.5)

    drawn = _drawn(_tuner({"trials": 10, "heads": ["gap", "mlp", "dense"]}, tmp_path))

    assert sorted(values["model.head"] for values in drawn) == ["dense", "gap", "mlp"]
    assert len(calls) == 3


def test_of_equal_trials_the_first_is_the_best(fake: Fake, tmp_path: Path) -> None:
    fake(lambda task: 0.7)
    tuner = _tuner({"trials": 5, "learning_rate": RATES}, tmp_path)

    drawn = _drawn(tuner)

    assert tuner.get_best_hyperparameters()[0].values == drawn[0]


def test_the_objective_is_the_best_epoch_of_the_phase_that_is_kept() -> None:
    head = History({"val_auc": [0.6, 0.9, 0.8]}, best_epoch=2)
    tuned = History({"val_auc": [0.7, 0.5]}, best_epoch=1)

    assert best_value(TrainedNetwork([], {HEAD: head, FINE_TUNING: tuned}, HEAD), "val_auc") == 0.9
    assert best_value(TrainedNetwork([], {HEAD: head, FINE_TUNING: tuned}, FINE_TUNING), "val_auc") == 0.7


def test_progress_tells_of_each_trial(fake: Fake, tmp_path: Path, progress: list[Progress]) -> None:
    outcomes = iter([0.625, math.nan])
    fake(lambda task: next(outcomes))
    tuner = _tuner({"trials": 2, "heads": ["gap", "mlp"]}, tmp_path)

    first, second = (values["model.head"] for values in _drawn(tuner))

    assert progress == [
        Progress("tuning", advance=1, total=2, remark=f"val_auc 0.625 with model.head {first}"),
        Progress("tuning", advance=1, total=2, remark=f"val_auc is no number (model.head {second})"),
    ]


def _diverge(task: Task) -> float:
    raise BreastImagingError(f"the loss became nan with {task.model.head}", fix="lower it")


def test_a_training_that_diverges_costs_its_trial_alone(fake: Fake, tmp_path: Path) -> None:
    calls = fake(lambda task: _diverge(task) if task.model.head != "mlp" else 0.4)
    tuner = _tuner({"trials": 4, "heads": ["gap", "mlp", "dense", "gap_dropout_first"]}, tmp_path)

    tuner.search(train=None, evaluation=None)

    assert len(calls) == 4  # three failures are all right, even one after the other
    assert tuner.get_best_hyperparameters()[0].values == {"model.head": "mlp"}


def test_where_every_trial_fails_nothing_is_called_the_best(fake: Fake, tmp_path: Path) -> None:
    fake(lambda task: _diverge(task) if task.model.head == "mlp" else math.nan)
    tuner = _tuner({"trials": 5, "heads": ["gap", "mlp"]}, tmp_path)

    with pytest.raises(BreastImagingError, match="none of the 2 trials came to a val_auc") as caught:
        tuner.search(train=None, evaluation=None)

    assert sorted(caught.value.reasons) == [
        "the loss became nan with mlp (model.head mlp)",
        "val_auc is no number (model.head gap)",
    ]


@pytest.mark.parametrize("error", [ConfigurationError("no such layer", fix="name one"), OSError(28, "disk full")])
def test_what_no_other_values_could_mend_ends_the_search(fake: Fake, tmp_path: Path, error: Exception) -> None:
    def fail(task: Task) -> float:
        raise error

    calls = fake(fail)

    with pytest.raises(keras_tuner.errors.FatalError) as caught:
        _tuner({"trials": 4, "learning_rate": RATES}, tmp_path).search(train=None, evaluation=None)

    assert caught.value.__cause__ is error
    assert len(calls) == 1


# Real trainings


def _write_split(folder: Path, split: str, count: int, seed: int) -> str:
    examples = examples_of(*pictures(count, seed=seed))
    write_examples(folder / f"Split-{split}" / "part-00000.gz", examples, range(count))
    return str(folder / f"Split-{split}" / "*")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Transform leaves, with a split that nobody may look into."""
    folder = tmp_path_factory.mktemp("examples")
    _write_split(folder, contract.TRAIN, 32, seed=1)
    _write_split(folder, contract.EVAL, 24, seed=2)
    return folder


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory, backbone: ModelSettings) -> Path:
    folder = tmp_path_factory.mktemp("features")
    base = base_of(task_of(backbone).build())
    for split, count, seed in ((contract.TRAIN, 32, 1), (contract.EVAL, 24, 2)):
        of_split = features_of(base, examples_of(*pictures(count, seed=seed)))
        write_features(str(folder / f"Split-{split}"), of_split.sources, of_split.maps.shape[1:], [of_split.maps])
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(all_models(), "tiny", TINY)


def _fn_args(examples: Path, folder: Path, chosen: TunerSettings, features: Path | None = None) -> FnArgs:
    config = {tuner_fn.SETTINGS_KEY: chosen.model_dump_json()}
    if features:
        config[tuner_fn.FEATURES_KEY] = str(features)
    return FnArgs(
        working_dir=str(folder),
        train_files=[str(examples / f"Split-{contract.TRAIN}" / "*")],
        eval_files=[str(examples / f"Split-{contract.EVAL}" / "*")],
        custom_config=config,
    )


def _search(examples: Path, folder: Path, chosen: TunerSettings, features: Path | None = None) -> TrialTuner:
    result = tuner_fn.tuner_fn(_fn_args(examples, folder, chosen, features))
    result.tuner.search(**result.fit_kwargs)
    return result.tuner


@pytest.mark.usefixtures("tiny")
def test_trials_are_what_training_with_their_values_gives_and_can_be_repeated(
    examples: Path, features: Path, backbone: ModelSettings, tmp_path: Path
) -> None:
    tuning = {"trials": 3, "learning_rate": RATES, "dropout": {"low": 0.1, "high": 0.5}}
    chosen = _settings(tuning, backbone, monitor="val_loss", seed=5)

    first = _search(examples, tmp_path / "first", chosen, features)

    trials = list(first.oracle.trials.values())
    assert len({trial.score for trial in trials}) == 3
    best = first.oracle.get_best_trials()[0]
    assert best.score == min(trial.score for trial in trials)
    fit = tuner_fn.tuner_fn(_fn_args(examples, tmp_path / "other", chosen, features)).fit_kwargs
    merged = with_values(chosen, best.hyperparameters.values)
    trained = train_network(task_of(merged.model, **dict(merged.train)), **fit, seed=5)
    assert best_value(trained, "val_loss") == best.score
    again = _search(examples, tmp_path / "second", chosen, features)
    assert [(trial.hyperparameters.values, trial.score) for trial in again.oracle.trials.values()] == [
        (trial.hyperparameters.values, trial.score) for trial in trials
    ]


@pytest.mark.usefixtures("tiny")
def test_heads_are_trained_on_features_and_the_fine_tuning_after_them_is_tuned(
    examples: Path, features: Path, backbone: ModelSettings, tmp_path: Path, progress: list[Progress]
) -> None:
    chosen = _settings(
        {"trials": 2, "heads": ["gap", "dense"], "fine_tuning_learning_rate": RATES},
        model=backbone,
        fine_tuning=FineTuningSettings(epochs=1),
    )

    tuner = _search(examples, tmp_path, chosen, features)

    assert {trial.status for trial in tuner.oracle.trials.values()} == {"COMPLETED"}
    assert list(dict.fromkeys(each.task for each in progress)) == [
        "trial 1 of 2, training the head",
        "trial 1 of 2, fine-tuning",
        "tuning",
        "trial 2 of 2, training the head",
        "trial 2 of 2, fine-tuning",
    ]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("tuning", "train", "message"),
    [
        ({}, {}, "names nothing"),
        ({"fine_tuning_learning_rate": RATES}, {}, "there is no fine-tuning"),
        ({"learning_rate": RATES}, {"require_gpu": True}, "TensorFlow sees no GPU"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_trial(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    examples: Path,
    tmp_path: Path,
    tuning: dict[str, Any],
    train: dict[str, Any],
    message: str,
) -> None:
    calls = fake(lambda task: 0.5)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])

    with pytest.raises(ConfigurationError, match=message):
        _search(examples, tmp_path, _settings(tuning, **train))

    assert calls == []


# The component, the Trainer and the graph


def _channel(kind: type[Artifact]) -> Channel:
    return Channel(type=kind)


def _artifact(kind: type[Artifact], uri: Path, splits: bool = False) -> list[Artifact]:
    artifact = kind()
    artifact.uri = str(uri)
    if splits:
        artifact.split_names = artifact_utils.encode_split_names([contract.TRAIN, contract.EVAL])
    return [artifact]


def _run_component(
    folder: Path, chosen: TunerSettings, examples: Path, features: Path | None = None
) -> tuple[list[Artifact], list[dict[str, Any]]]:
    """Runs the Tuner as TFX does. Returns the best hyperparameters, and what is told of the trials."""
    node = component.Tuner(
        examples=_channel(standard_artifacts.Examples),
        features=_channel(artifacts.ImageFeatures) if features else None,
        settings=chosen,
    )
    inputs = {"examples": _artifact(standard_artifacts.Examples, examples, splits=True)}
    if features:
        inputs["features"] = _artifact(artifacts.ImageFeatures, features)
    outputs = {
        "best_hyperparameters": _artifact(standard_artifacts.HyperParameters, folder / "best"),
        "tuner_results": _artifact(standard_artifacts.TunerResults, folder / "results"),
    }
    executor = component.Executor(BaseExecutor.Context(tmp_dir=str(folder), unique_id="1"))
    executor.Do(inputs, outputs, dict(node.exec_properties))
    results = json.loads((folder / "results" / "tuner_results.json").read_text())
    return outputs["best_hyperparameters"], results


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """The networks that the Trainer would have written; to write one is tested where it is done."""
    models: list[keras.Model] = []

    def export(served: Any, directory: str) -> None:
        models.append(served.predictor.network)
        Path(directory).mkdir(parents=True)

    # Where they are defined, since TFX loads the module of `run_fn` anew.
    monkeypatch.setattr("components.trainer.export.export", export)
    monkeypatch.setattr("tensorflow_transform.TFTransformOutput", lambda path: None)
    return models


def _train(
    folder: Path, chosen: TunerSettings, examples: Path, hyperparameters: list[Artifact], features: Path | None = None
) -> dict[str, Any]:
    """Runs the Trainer's executor. Returns the record of the training."""
    trainer = TrainerSettings(
        **chosen.model_dump(exclude={"tuning"}),
        prediction=PredictionSettings(),
        operating_point=OperatingPointSettings(),
        model_name="m",
    )
    node = trainer_component.Trainer(
        examples=_channel(standard_artifacts.Examples),
        transform_graph=_channel(standard_artifacts.TransformGraph),
        hyperparameters=_channel(standard_artifacts.HyperParameters) if hyperparameters else None,
        settings=trainer,
    )
    inputs = {
        "examples": _artifact(standard_artifacts.Examples, examples, splits=True),
        "transform_graph": _artifact(standard_artifacts.TransformGraph, folder / "transform"),
    }
    if hyperparameters:
        inputs["hyperparameters"] = hyperparameters
    if features:
        inputs["features"] = _artifact(artifacts.ImageFeatures, features)
    outputs = {
        "model": _artifact(standard_artifacts.Model, folder / "model"),
        "model_run": _artifact(standard_artifacts.ModelRun, folder / "run"),
    }
    trainer_component.Executor().Do(inputs, outputs, dict(node.exec_properties))
    record: dict[str, Any] = json.loads((folder / "run" / contract.TRAINING_FILE).read_text())
    return record


@pytest.mark.usefixtures("tiny")
def test_the_trainer_trains_the_network_of_the_best_trial(
    examples: Path, features: Path, backbone: ModelSettings, tmp_path: Path, exported: list[keras.Model]
) -> None:
    model = backbone.model_copy(update={"head": "mlp"})
    chosen = _settings({"trials": 3, "heads": ["gap", "dense"], "learning_rate": RATES}, model=model, epochs=3)

    best, results = _run_component(tmp_path, chosen, examples, features)
    record = _train(tmp_path, chosen, examples, best, features)

    winner = max(results, key=lambda result: result["score"])
    assert record["tuned"] == {key: winner[key] for key in ("model.head", "train.learning_rate")}
    assert record["history"]["val_auc"][record["best_epoch"] - 1] == winner["score"]
    merged = with_values(chosen, record["tuned"])
    assert record["parameters"] == task_of(merged.model).build().whole.count_params()
    assert record["parameters"] != task_of(model).build().whole.count_params()
    assert exported[0].count_params() == record["parameters"]


@pytest.mark.usefixtures("tiny")
def test_without_tuning_the_trainer_trains_with_what_is_configured(
    examples: Path, tmp_path: Path, exported: list[keras.Model]
) -> None:
    chosen = _settings({}, learning_rate=0.01)

    record = _train(tmp_path, chosen, examples, hyperparameters=[])

    assert "tuned" not in record
    other = _settings({"dropout": {"low": 0.0, "high": 0.5}}, learning_rate=0.01)
    fit = tuner_fn.tuner_fn(_fn_args(examples, tmp_path, other)).fit_kwargs
    trained = train_network(task_of(chosen.model, **dict(chosen.train)), **fit, seed=0)
    assert record["history"]["loss"] == trained.histories[WHOLE].values["loss"]
    assert len(exported) == 1


def _config(**sections: object) -> Config:
    return load_config("synthetic").model_copy(update=sections)


def _nodes(config: Config) -> dict[str, Any]:
    return {node.id: node for node in build_pipeline(config, PLATFORM).components}


TUNING = TuningSettings(learning_rate=LearningRateRange(low=1e-4, high=1e-2))


def test_the_tuner_stands_before_the_trainer_and_gives_it_its_best_values() -> None:
    nodes = _nodes(_config(tuning=TUNING))

    names = list(nodes)
    assert names.index("Transform") < names.index("Tuner") < names.index("Trainer")
    assert nodes["Trainer"].inputs["hyperparameters"] is nodes["Tuner"].outputs["best_hyperparameters"]
    assert "code_fingerprint" in nodes["Tuner"].exec_properties
    assert "test" not in nodes["Tuner"].exec_properties["train_args"] + nodes["Tuner"].exec_properties["eval_args"]


def test_under_a_frozen_backbone_the_tuner_gets_the_features_too() -> None:
    model = ModelSettings(architecture="vgg16", image_size=(32, 32))

    nodes = _nodes(_config(tuning=TUNING, model=model))

    assert list(nodes).index("FeatureExtractor") < list(nodes).index("Tuner")
    assert nodes["Tuner"].inputs["features"] is nodes["FeatureExtractor"].outputs["features"]
    assert "features" not in _nodes(_config(tuning=TUNING))["Tuner"].inputs


def test_without_tuning_the_graph_is_as_it_was() -> None:
    plain, tuned = _nodes(_config()), _nodes(_config(tuning=TUNING))

    assert [name for name in tuned if name != "Tuner"] == list(plain)
    assert "hyperparameters" not in plain["Trainer"].inputs
    for name in set(plain) - {"RunReport", "CardWriter"}:  # which show the configuration
        assert plain[name].exec_properties == tuned[name].exec_properties, name


def _tuner_settings(config: Config) -> str:
    found: str = json_utils.loads(_nodes(config)["Tuner"].exec_properties["custom_config"])[tuner_fn.SETTINGS_KEY]
    return found


def test_what_only_later_steps_need_does_not_tune_anew() -> None:
    config = _config(tuning=TUNING)
    before = _tuner_settings(config)

    later = {
        "prediction": PredictionSettings(views=2),
        "operating_point": OperatingPointSettings(target_recall=0.7),
        "train": config.train.model_copy(update={"members": 3}),
    }
    assert _tuner_settings(config.model_copy(update=later)) == before
    assert _tuner_settings(_config(tuning=TUNING.model_copy(update={"trials": 11}))) != before
    assert _tuner_settings(_config(tuning=TUNING, train=config.train.model_copy(update={"seed": 1}))) != before


def test_a_cross_validation_tunes_nothing_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="nothing is tuned in a cross-validation") as caught:
        build_cross_validation(_config(tuning=TUNING), PLATFORM, 3)

    assert "tuning=null" in caught.value.fix
