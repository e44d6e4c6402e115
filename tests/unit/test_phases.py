"""Training in phases: what each may change, whose weights are kept, and what the seed decides."""

import dataclasses
import functools
import logging
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from components.models.registry import get_model
from components.models.spec import Network
from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE
from components.settings import FineTuningSettings, ModelSettings
from components.trainer import phases
from components.trainer.fit import History
from components.trainer.learning_set import LearningSet, learning_set
from components.trainer.phases import (
    FINE_TUNING,
    HEAD,
    WHOLE,
    Task,
    TrainedNetwork,
    train_members,
    train_network,
    unfreeze,
)
from schema.errors import BreastImagingError, ConfigurationError
from tests.training import TINY, base_of, examples_of, learning_set_of, pictures, pretrained, task_of

Weights = Sequence[NDArray[Any]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


def _rebuilt(task: Task, weights: Weights) -> Network:
    network = task.spec.build(task.model, task.spec.input_shape(task.model), task.coding.classes)
    network.whole.set_weights(weights)
    return network


def _images(learning: LearningSet) -> NDArray[np.float32]:
    return np.stack([learning.examples.read(position)[0] for position in range(len(learning))])


def _same(mine: Weights, theirs: Weights) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


@functools.cache
def _set(model: ModelSettings, classes: int, count: int, seed: int, views: int, brightness: float) -> LearningSet:
    return learning_set_of(task_of(model, classes), count, seed, views=views, brightness=brightness)


def _sets(task: Task, count: int = 24, views: int = 0, brightness: float = 0.0) -> tuple[LearningSet, LearningSet]:
    """For training and evaluation; made once for a backbone and a number of classes."""
    model, classes = task.model.model_copy(update={"dropout": 0.0}), task.coding.classes
    return _set(model, classes, count, 1, views, brightness), _set(model, classes, 20, 2, 0, 0.0)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_first_phase_trains_the_head_and_leaves_the_base_as_it_was_to_the_bit(
    model: ModelSettings, classes: int
) -> None:
    task = task_of(model, classes, epochs=3, batch_size=8, learning_rate=0.01)

    trained = train_network(task, *_sets(task, views=2, brightness=0.3), seed=4)

    network, start = _rebuilt(task, trained.weights), task.build()
    assert _same(base_of(network).get_weights(), base_of(start).get_weights())
    keras.utils.set_random_seed(4)
    before = task.build().head.get_weights()
    assert all((old != new).any() for old, new in zip(before, network.head.get_weights(), strict=True))
    assert list(trained.histories) == [HEAD]
    assert trained.kept == HEAD
    assert trained.best_epoch == trained.histories[HEAD].best_epoch


@pytest.mark.parametrize(("classes", "weighted"), [(2, "balanced"), (3, "none")])
def test_a_head_trained_on_features_is_the_one_that_training_on_images_gives(
    model: ModelSettings, classes: int, weighted: str
) -> None:
    task = task_of(
        model,
        classes,
        epochs=8,
        patience=8,
        batch_size=64,  # all at once, so that the order counts for nothing
        optimizer="sgd",
        learning_rate=0.2,
        monitor="val_loss",
        class_weights=weighted,
    )
    train, evaluation = _sets(task, count=31)

    trained = train_network(task, train, evaluation, seed=4)

    keras.utils.set_random_seed(4)
    network = task.build()
    base_of(network).trainable = False
    pooled = np.asarray(base_of(network)(_images(train))).mean(axis=(1, 2))
    (normalisation,) = (layer for layer in network.head.layers if isinstance(layer, keras.layers.BatchNormalization))
    normalisation.moving_mean.assign(pooled.mean(axis=0))
    normalisation.moving_variance.assign(pooled.var(axis=0))
    network.whole.compile(
        keras.optimizers.SGD(0.2), "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
    )
    labels = train.examples.label_indices()
    shares = np.bincount(labels) / len(labels)
    of_images = 1 / (classes * shares[labels]) if weighted == "balanced" else np.ones(len(labels))
    before = network.head.get_weights()
    for _ in range(trained.best_epoch):
        network.whole.train_on_batch(_images(train), labels, sample_weight=of_images)
    found = _rebuilt(task, trained.weights).head.get_weights()
    assert trained.best_epoch > 3
    moved = max(np.abs(old - new).max() for old, new in zip(before, network.head.get_weights(), strict=True))
    assert moved > 0.1
    for mine, by_hand in zip(found, network.head.get_weights(), strict=True):
        np.testing.assert_allclose(mine, by_hand, atol=moved / 500)


def test_the_curves_of_the_first_phase_are_those_of_unchanged_images(model: ModelSettings) -> None:
    task = task_of(model, epochs=2, batch_size=8, augmentation={"vertical_flip": True, "brightness": 1.0})
    train, evaluation = _sets(task, views=3, brightness=1.0)

    trained = train_network(task, train, evaluation, seed=0)

    scores = np.asarray(_rebuilt(task, trained.weights).whole(_images(evaluation)))[:, 0]
    _assert_curves(trained, evaluation, scores)


def _assert_curves(trained: TrainedNetwork, evaluation: LearningSet, scores: NDArray[np.floating]) -> None:
    history = trained.histories[trained.kept]
    labels = evaluation.examples.label_indices()
    best = history.best_epoch - 1
    assert history.values["val_loss"][best] == pytest.approx(log_loss(labels, scores.astype(float)), abs=2e-3)
    assert history.values["val_auc"][best] == pytest.approx(roc_auc_score(labels, scores), abs=0.02)


TUNED: dict[str, object] = {"epochs": 2, "learning_rate": 0.01, "schedule": "constant"}


def _tuned(model: ModelSettings, **fine_tuning: object) -> Task:
    """The first phase can hardly learn anything, so that the second is the better one."""
    return task_of(
        model,
        epochs=1,
        learning_rate=1e-6,
        batch_size=8,
        monitor="val_loss",
        fine_tuning={**TUNED, **fine_tuning},
    )


@functools.cache
def _trained(model: ModelSettings, from_layer: str = "") -> TrainedNetwork:
    task = _tuned(model, from_layer=from_layer)
    return train_network(task, *_sets(task), seed=4)


@pytest.mark.parametrize(("chosen", "first"), [("", "conv_2"), ("conv_3", "conv_3"), ("norm_1", "norm_1")])
def test_fine_tuning_changes_the_base_from_the_chosen_layer_on_but_no_moving_average(
    model: ModelSettings, chosen: str, first: str
) -> None:
    task, trained = _tuned(model), _trained(model, chosen)

    assert trained.kept == FINE_TUNING
    before, after = base_of(task.build()), base_of(_rebuilt(task, trained.weights))
    names = [layer.name for layer in before.layers]
    assert names.index("conv_1") < names.index(first)
    trained_layers = [layer for layer in before.layers if layer.weights]
    for layer in trained_layers:
        pairs = list(zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True))
        if isinstance(layer, keras.layers.BatchNormalization):
            assert _same(*zip(*pairs[2:], strict=True)), layer.name
            pairs = pairs[:2]
        moved = [bool((old != new).any()) for old, new in pairs]
        assert set(moved) == {names.index(layer.name) >= names.index(first)}, (layer.name, moved)


def test_fine_tuning_goes_on_from_the_head_and_counts_epochs_on(model: ModelSettings) -> None:
    task, trained = _tuned(model), _trained(model)

    head, tuned = trained.histories[HEAD], trained.histories[FINE_TUNING]
    assert list(trained.histories) == [HEAD, FINE_TUNING]
    assert (head.epochs, tuned.epochs) == (1, 2)
    assert trained.best_epoch == 1 + tuned.best_epoch
    assert min(tuned.values["val_loss"]) < head.values["val_loss"][0]
    keras.utils.set_random_seed(4)
    start = task.build().head.get_weights()
    last = _rebuilt(task, trained.weights).head.get_weights()
    assert all((old != new).any() for old, new in zip(start, last, strict=True))


def test_images_are_augmented_in_the_second_phase_but_not_those_that_it_is_judged_by(model: ModelSettings) -> None:
    task = _tuned(model)
    changed = task.train.augmentation.model_copy(update={"brightness": 0.9})
    task = dataclasses.replace(task, train=task.train.model_copy(update={"augmentation": changed}))
    train, evaluation = _sets(task)

    trained = train_network(task, train, evaluation, seed=4)

    plain = _trained(model).histories
    assert trained.histories[HEAD] == plain[HEAD]
    losses = [histories[FINE_TUNING].values["loss"][0] for histories in (trained.histories, plain)]
    assert losses[0] != pytest.approx(losses[1], rel=0.01)
    assert trained.kept == FINE_TUNING
    scores = np.asarray(_rebuilt(task, trained.weights).whole(_images(evaluation)))[:, 0]
    _assert_curves(trained, evaluation, scores)


def test_where_fine_tuning_does_harm_the_head_is_kept_and_the_best_epoch_says_so(model: ModelSettings) -> None:
    values = {"epochs": 4, "batch_size": 8, "learning_rate": 0.02, "monitor": "val_loss"}
    alone = task_of(model, **values)
    ruined = task_of(model, **values, fine_tuning={"epochs": 2, "learning_rate": 1.0, "schedule": "constant"})
    sets = _sets(alone)

    head, both = (train_network(task, *sets, seed=4) for task in (alone, ruined))

    assert both.kept == HEAD
    assert list(both.histories) == [HEAD, FINE_TUNING]
    assert both.histories[HEAD] == head.histories[HEAD]
    assert both.best_epoch == head.best_epoch <= 4
    assert _same(both.weights, head.weights)
    first, second = (min(both.histories[phase].values["val_loss"]) for phase in (HEAD, FINE_TUNING))
    assert first < second


def _history(monitor: str, *values: float, best: int) -> History:
    return History({"loss": [0.0] * len(values), monitor: list(values)}, best)


@pytest.mark.parametrize(
    ("monitor", "head", "tuned", "kept", "best_epoch"),
    [
        (
            "val_auc",
            _history("val_auc", 0.6, 0.8, 0.7, best=2),
            _history("val_auc", 0.7, 0.9, best=2),
            FINE_TUNING,
            5,
        ),
        ("val_auc", _history("val_auc", 0.6, 0.8, 0.7, best=2), _history("val_auc", 0.7, 0.8, best=2), HEAD, 2),
        ("val_auc", _history("val_auc", 0.9, best=1), _history("val_auc", 0.7, 0.8, best=2), HEAD, 1),
        ("val_loss", _history("val_loss", 0.6, 0.8, best=1), _history("val_loss", 0.5, 0.9, best=1), FINE_TUNING, 3),
        ("val_loss", _history("val_loss", 0.6, 0.8, best=1), _history("val_loss", 0.6, best=1), HEAD, 1),
        ("val_loss", _history("val_loss", 0.6, best=1), _history("val_loss", math.nan, best=1), HEAD, 1),
    ],
)
def test_the_better_phase_is_kept_and_of_equal_ones_the_first(
    model: ModelSettings,
    monkeypatch: pytest.MonkeyPatch,
    monitor: str,
    head: History,
    tuned: History,
    kept: str,
    best_epoch: int,
) -> None:
    task = task_of(model, monitor=monitor, fine_tuning={})
    histories = iter([head, tuned])
    monkeypatch.setattr(phases, "_fit", lambda *_: next(histories))

    trained = train_network(task, *_sets(task), seed=0)

    assert (trained.kept, trained.best_epoch) == (kept, best_epoch)


def test_a_layer_that_there_is_not_is_refused_with_those_that_there_are(model: ModelSettings) -> None:
    settings = FineTuningSettings(from_layer="conv_9")

    with pytest.raises(ConfigurationError) as caught:
        unfreeze(task_of(model).build(), TINY, settings)

    assert caught.value.what == "train.fine_tuning.from_layer: tiny has no layer 'conv_9'."
    assert caught.value.fix.startswith("name one of its layers: ")
    for number in (1, 2, 3):
        assert f"conv_{number}, norm_{number}, tanh_{number}" in caught.value.fix


def test_what_has_no_backbone_has_no_layers_to_set_free() -> None:
    spec = get_model("cnn")
    settings = ModelSettings(image_size=(32, 32))

    with pytest.raises(ValueError, match="cnn has no backbone"):
        unfreeze(spec.build(settings, spec.input_shape(settings), 2), spec, FineTuningSettings())


def test_setting_layers_free_by_value(model: ModelSettings) -> None:
    network = task_of(model).build()

    unfreeze(network, TINY, FineTuningSettings(from_layer="norm_2"))

    found = {layer.name: layer.trainable for layer in base_of(network).layers if layer.weights}
    assert found == {
        "conv_1": False,
        "norm_1": False,
        "conv_2": False,
        "norm_2": True,
        "conv_3": True,
        "norm_3": True,
    }


def test_the_seed_decides_the_weights(model: ModelSettings) -> None:
    task = task_of(
        model.model_copy(update={"dropout": 0.3}),
        epochs=1,
        batch_size=8,
        learning_rate=0.01,
        monitor="val_loss",
        fine_tuning={**TUNED, "epochs": 1},
        augmentation={"rotation_degrees": 20.0},
    )
    sets = _sets(task, views=2, brightness=0.3)

    first = train_network(task, *sets, seed=1)
    np.random.default_rng(0).random()
    keras.utils.set_random_seed(99)  # what happened before counts for nothing
    again, other = (train_network(task, *sets, seed=seed) for seed in (1, 2))

    assert _same(first.weights, again.weights)
    assert first.histories == again.histories
    assert not _same(first.weights, other.weights)
    assert first.histories[HEAD].values["loss"] != other.histories[HEAD].values["loss"]


def test_without_features_the_whole_network_is_trained_at_once(model: ModelSettings) -> None:
    scratch = model.model_copy(update={"weights": "none", "weights_sha256": ""})
    task = task_of(scratch, epochs=2, batch_size=8, learning_rate=0.01)
    train, evaluation = (learning_set(examples_of(*pictures(count, seed=count)), None) for count in (24, 20))

    trained = train_network(task, train, evaluation, seed=4)

    assert list(trained.histories) == [WHOLE]
    assert (trained.kept, trained.best_epoch) == (WHOLE, trained.histories[WHOLE].best_epoch)
    keras.utils.set_random_seed(4)
    start = task.build()
    statistics = {id(weight) for weight in base_of(start).non_trainable_weights}
    for weight, old, new in zip(start.whole.weights, start.whole.get_weights(), trained.weights, strict=True):
        assert bool((old != new).any()) == (id(weight) not in statistics), weight.path
    scores = np.asarray(_rebuilt(task, trained.weights).whole(_images(evaluation)))[:, 0]
    _assert_curves(trained, evaluation, scores)


def test_a_network_without_backbone_is_trained_at_once() -> None:
    task = dataclasses.replace(
        task_of(ModelSettings(image_size=(32, 32)), epochs=1, batch_size=8), spec=get_model("cnn")
    )
    noise = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    images = learning_set(examples_of(noise, [0, 1] * 6), None)

    trained = train_network(task, images, images, seed=0)

    assert (list(trained.histories), trained.kept, trained.best_epoch) == ([WHOLE], WHOLE, 1)


def test_the_phases_are_reported_by_their_names(model: ModelSettings, caplog: pytest.LogCaptureFixture) -> None:
    task = _tuned(model)
    sets = _sets(task)

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        train_network(task, *sets, seed=0, title="fold 2 of 5, ")

    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [(report.task, report.total) for report in reports] == [
        ("fold 2 of 5, training the head", 1),
        ("fold 2 of 5, fine-tuning", 2),
        ("fold 2 of 5, fine-tuning", 2),
    ]


def test_weights_are_of_32_bits_and_the_precision_ends_with_the_training(model: ModelSettings) -> None:
    task = _tuned(model)
    task = dataclasses.replace(task, compute=dataclasses.replace(task.compute, precision="mixed_bfloat16"))
    seen: list[str] = []
    spec = dataclasses.replace(
        TINY, build=lambda *arguments: (seen.append(keras.config.dtype_policy().name), TINY.build(*arguments))[1]
    )
    sets = _sets(task)

    trained = train_network(dataclasses.replace(task, spec=spec), *sets, seed=0)

    assert seen == ["mixed_bfloat16"]
    assert {weight.dtype for weight in trained.weights} == {np.dtype(np.float32)}
    assert keras.config.dtype_policy().name == "float32"
    network = _rebuilt(task, trained.weights)
    assert _same(base_of(network).get_weights()[:4], base_of(task.build()).get_weights()[:4])
    assert network.whole(_images(sets[1])).dtype == "float32"


def test_the_precision_ends_with_a_training_that_fails_too(model: ModelSettings) -> None:
    task = task_of(model, epochs=1, batch_size=8)
    task = dataclasses.replace(task, compute=dataclasses.replace(task.compute, precision="mixed_bfloat16"))
    train, evaluation = _sets(task_of(model))
    assert train.features is not None
    spoilt = dataclasses.replace(train.features, maps=np.full_like(train.features.maps, np.nan))

    with pytest.raises(BreastImagingError, match="the loss became nan in epoch 1, by step"):
        train_network(task, dataclasses.replace(train, features=spoilt), evaluation, seed=0)

    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("count", "batch_size", "steps"), [(24, 8, 3), (25, 8, 4), (5, 8, 1)])
def test_the_schedule_spans_all_steps_of_its_phase(
    model: ModelSettings, monkeypatch: pytest.MonkeyPatch, count: int, batch_size: int, steps: int
) -> None:
    task = task_of(model, batch_size=batch_size, fine_tuning={})
    found = []
    history = _history("val_auc", 0.5, best=1)
    monkeypatch.setattr(phases, "compile_model", lambda *arguments: found.append(arguments[4:7:2]))
    monkeypatch.setattr(phases, "fit", lambda *_: history)

    train_network(task, *_sets(task, count=count), seed=0)

    assert found == [(steps, phases.HEAD_STEPS_AT_ONCE), (steps, 1)]


def test_members_differ_in_their_seeds_and_are_reported_one_by_one(
    model: ModelSettings, caplog: pytest.LogCaptureFixture
) -> None:
    task = task_of(model, epochs=1, seed=6)
    sets = _sets(task)

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        members = train_members(task, *sets, [None, None], "fold 2 of 5, ")

    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [(report.task, report.total) for report in reports] == [
        ("fold 2 of 5, member 1 of 2, training the head", 1),
        ("fold 2 of 5, member 2 of 2, training the head", 1),
    ]
    for seed, member in zip((6, 7), members, strict=True):
        assert _same(member.weights, train_network(task, *sets, seed=seed).weights)
    assert not _same(members[0].weights, members[1].weights)


def test_a_single_member_has_no_number(model: ModelSettings, caplog: pytest.LogCaptureFixture) -> None:
    task = task_of(model, epochs=1)

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        train_members(task, *_sets(task), [None])

    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [report.task for report in reports] == ["training the head"]
