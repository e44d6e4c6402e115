"""Fitting a phase: class weights, what an epoch is judged by, best weights, and a training that diverges."""

import logging
import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE
from components.settings import TrainSettings
from components.trainer.data import LabelCoding
from components.trainer.fit import History, Validation, class_weights, compile_model, fit
from schema.errors import EXIT_FAILED, BreastImagingError

SIDE = 8
STEPS = 3


def test_weights_by_example() -> None:
    labels = np.array([0, 0, 0, 1])

    assert class_weights(labels, LabelCoding(2, positive=1)) == pytest.approx({0: 4 / 6, 1: 2.0})
    assert class_weights(labels, LabelCoding(2, positive=0)) == pytest.approx({0: 2.0, 1: 4 / 6})


@given(
    classes=st.integers(2, 4),
    labels=st.lists(st.integers(0, 3), max_size=40),
    data=st.data(),
)
def test_weights_are_those_of_scikit_learn(classes: int, labels: list[int], data: st.DataObject) -> None:
    positive = data.draw(st.integers(0, classes - 1))
    indices = np.array([*range(classes), *(label for label in labels if label < classes)])
    expected = compute_class_weight("balanced", classes=np.arange(classes), y=indices)

    weights = class_weights(indices, LabelCoding(classes, positive))

    if classes == 2:  # by target, not by label
        expected = np.array([expected[1 - positive], expected[positive]])
    assert weights == pytest.approx(dict(enumerate(expected)))


class Oracle:
    """Stands for a model that answers what it was given."""

    def __init__(self, outputs: NDArray[np.floating]) -> None:
        self._outputs = outputs

    def predict(self, inputs: object, verbose: int) -> NDArray[np.floating]:
        assert (inputs, verbose) == ("images", 0)
        return self._outputs


def _measure(outputs: NDArray[np.floating], labels: NDArray[np.int64], coding: LabelCoding) -> dict[str, float]:
    return Validation("images", labels, coding).measure(Oracle(outputs))


@pytest.mark.parametrize("positive", [0, 1, 2])
def test_an_epoch_is_judged_exactly_by_scikit_learn(positive: int) -> None:
    generator = np.random.default_rng(positive)
    labels = generator.integers(0, 3, 601)
    logits = generator.normal(size=(601, 3)) + 1.5 * np.eye(3)[labels]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that float32 does not add up to 1 is nothing to tell anybody
        measured = _measure(probabilities, labels, LabelCoding(3, positive))

    auc = roc_auc_score(labels == positive, probabilities[:, positive])
    assert 0.7 < auc < 0.95
    assert measured["val_auc"] == auc
    loss = -np.log(probabilities[np.arange(601), labels].astype(np.float64)).mean()
    assert measured["val_loss"] == pytest.approx(loss, rel=1e-7)


@pytest.mark.parametrize("positive", [0, 1])
def test_of_two_classes_the_output_is_the_probability_of_the_positive_one(positive: int) -> None:
    outputs = np.array([[0.9], [0.8], [0.3], [0.4]], np.float32)
    labels = np.array([positive, positive, 1 - positive, positive])

    measured = _measure(outputs, labels, LabelCoding(2, positive))

    assert measured["val_auc"] == 1.0
    assert measured["val_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.7, 0.4]).mean(), rel=1e-6)


def test_neighbouring_scores_are_told_apart() -> None:
    scores = np.array([[0.5], [np.nextafter(np.float32(0.5), np.float32(1))]], np.float32)

    assert _measure(scores, np.array([0, 1]), LabelCoding(2, 1))["val_auc"] == 1.0
    assert _measure(scores, np.array([1, 0]), LabelCoding(2, 1))["val_auc"] == 0.0
    assert _measure(scores[[0, 0]], np.array([1, 0]), LabelCoding(2, 1))["val_auc"] == 0.5


def test_a_certain_error_costs_much_and_is_a_number() -> None:
    measured = _measure(np.array([[0.0], [1.0]], np.float32), np.array([1, 1]), LabelCoding(2, 1))

    assert 15 < measured["val_loss"] < 20  # half of what float64 can tell from 0
    assert math.isnan(measured["val_auc"])  # there is one class


def test_answers_that_are_no_number_are_never_the_best() -> None:
    measured = _measure(np.array([[0.1], [np.nan]], np.float32), np.array([0, 1]), LabelCoding(2, 1))

    assert math.isnan(measured["val_loss"])
    assert math.isnan(measured["val_auc"])


def _network(classes: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return keras.Model(inputs, keras.layers.Dense(units, activation=activation)(x))


def _images(classes: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Noise whose brightness tells the class."""
    generator = np.random.default_rng(seed)
    labels = np.arange(60) % classes
    noise = generator.uniform(0, 120, (60, SIDE, SIDE, 1))
    return (noise + 60.0 * labels[:, None, None, None]).astype(np.float32), labels


def _batches(coding: LabelCoding, seed: int) -> tf.data.Dataset:
    images, labels = _images(coding.classes, seed)
    return tf.data.Dataset.from_tensor_slices((images, coding.target(tf.constant(labels)))).batch(60 // STEPS)


def _validation(coding: LabelCoding, seed: int, *, mislabelled: bool = False) -> Validation:
    images, labels = _images(coding.classes, seed)
    return Validation(images, coding.classes - 1 - labels if mislabelled else labels, coding)


def _fit(
    model: keras.Model,
    settings: TrainSettings,
    coding: LabelCoding,
    batches: tf.data.Dataset | None = None,
    validation: Validation | None = None,
    weights: dict[int, float] | None = None,
) -> History:
    compile_model(model, settings, settings, coding, STEPS, xla=False)
    batches = batches or _batches(coding, 0)
    return fit(model, batches, validation or _validation(coding, 1), settings, settings.monitor, weights, "a phase")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("monitor", ["val_auc", "val_loss"])
def test_the_weights_of_the_best_epoch_are_kept_and_each_epoch_is_reported(
    classes: int, monitor: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = TrainSettings.model_validate({"epochs": 6, "learning_rate": 0.02, "monitor": monitor})
    coding = LabelCoding(classes, positive=classes - 1)
    model = _network(classes)
    validation = _validation(coding, seed=1, mislabelled=True)  # so that the last epoch is not the best one

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        history = _fit(model, settings, coding, validation=validation, weights=dict.fromkeys(range(classes), 1.0))

    assert set(history.values) == {"loss", "val_loss", "val_auc"}
    watched = history.values[monitor]
    assert len(watched) == history.epochs == 6
    best = max(watched) if monitor == "val_auc" else min(watched)
    assert watched[history.best_epoch - 1] == best
    assert watched[-1] != best
    assert validation.measure(model)[monitor] == best
    probabilities = np.asarray(coding.to_probabilities(model.predict(validation.inputs, verbose=0)))
    by_hand = {
        "val_auc": roc_auc_score(validation.label_indices == coding.positive, probabilities[:, coding.positive]),
        "val_loss": log_loss(validation.label_indices, probabilities.astype(np.float64)),
    }
    assert best == pytest.approx(by_hand[monitor], rel=1e-6)
    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [(report.task, report.advance, report.total) for report in reports] == [("a phase", 1, 6)] * 6
    last = {name: f"{name} {values[-1]:.3f}" for name, values in history.values.items()}
    assert set(reports[-1].remark.split(", ")) == {last["loss"], last["val_loss"], last["val_auc"]}


def test_training_stops_when_patience_is_at_its_end() -> None:
    history = _fit(_network(2), TrainSettings(epochs=30, patience=2, learning_rate=1e-30), LabelCoding(2, 1))

    assert len(history.values["val_auc"]) == history.epochs == 3  # the first one, and two that were no better
    assert history.best_epoch == 1


def test_class_weights_count_and_the_validation_has_none() -> None:
    still = TrainSettings(epochs=1, learning_rate=1e-30, optimizer="sgd")
    coding = LabelCoding(2, 1)

    plain, weighted = (_fit(_network(2), still, coding, weights=weights) for weights in (None, {0: 2.0, 1: 2.0}))
    only_positive = _fit(_network(2), still, coding, weights={0: 0.0, 1: 1.0})

    assert weighted.values["loss"] == pytest.approx([2 * plain.values["loss"][0]], rel=1e-5)
    assert weighted.values["val_loss"] == plain.values["val_loss"]
    images, labels = _images(2, 0)
    scores = _network(2).predict(images, verbose=0)[:, 0]
    expected = -np.log(scores[labels == 1]).sum() / len(labels)
    assert only_positive.values["loss"] == pytest.approx([expected], rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_training_with_advice() -> None:
    coding = LabelCoding(2, 1)
    without_values = _batches(coding, 0).map(lambda images, targets: (images * float("nan"), targets))

    with pytest.raises(BreastImagingError) as caught:
        _fit(_network(2), TrainSettings(epochs=3, learning_rate=0.25), coding, without_values)

    assert caught.value.what == (
        "Trainer: the loss became nan in epoch 1, by step 1, at a learning rate of 0.25; no epoch was completed."
    )
    assert caught.value.fix.startswith("lower the learning rate")
    assert caught.value.exit_code == EXIT_FAILED


def test_the_step_and_the_last_good_epoch_are_named() -> None:
    coding = LabelCoding(2, 1)
    seen = tf.Variable(0)

    def spoil(images: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        count = seen.assign_add(1)
        return tf.where(
            count > 2 * STEPS + 1, float("nan"), images
        ), targets  # from the second step of the third epoch

    with pytest.raises(BreastImagingError) as caught:
        _fit(_network(2), TrainSettings(epochs=5, learning_rate=0.001), coding, _batches(coding, 0).map(spoil))

    assert caught.value.what == (
        "Trainer: the loss became nan in epoch 3, by step 2, at a learning rate of 0.001; "
        "the last good state is that of epoch 2."
    )


def test_the_rate_of_a_schedule_is_the_one_of_the_step() -> None:
    coding = LabelCoding(2, 1)
    without_values = _batches(coding, 0).map(lambda images, targets: (images * float("nan"), targets))
    settings = TrainSettings(epochs=10, learning_rate=0.3, schedule="cosine", warm_up=0.1)

    with pytest.raises(BreastImagingError, match=r"at a learning rate of 0\.1;"):  # a third of the way up
        _fit(_network(2), settings, coding, without_values)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", keras.optimizers.Adam), ("rmsprop", keras.optimizers.RMSprop), ("sgd", keras.optimizers.SGD)],
)
def test_the_optimizer_is_that_of_the_settings(name: str, kind: type[keras.optimizers.Optimizer]) -> None:
    settings = TrainSettings.model_validate({"optimizer": name})
    phase = settings.model_copy(update={"learning_rate": 0.125})
    model = _network(2)

    compile_model(model, settings, phase, LabelCoding(2, 1), STEPS, xla=False)

    assert type(model.optimizer) is kind
    assert float(model.optimizer.learning_rate) == 0.125
    assert model.optimizer.gradient_accumulation_steps is None
    assert model.jit_compile is False


def test_a_cosine_ends_with_the_last_step_of_the_phase() -> None:
    settings = TrainSettings(epochs=4, patience=4, learning_rate=0.01, schedule="cosine", warm_up=0.5)
    coding = LabelCoding(2, 1)
    model = _network(2)

    history = _fit(model, settings, coding)

    assert int(model.optimizer.iterations) == history.epochs * STEPS == 12
    rates = [float(model.optimizer._learning_rate(step)) for step in (0, 6, 12)]
    assert rates == pytest.approx([0.0, 0.01, 0.0], abs=1e-9)


def test_gradients_of_several_batches_make_one_step() -> None:
    coding = LabelCoding(2, 1)
    images, labels = _images(2, 0)
    settings = TrainSettings(epochs=1, learning_rate=0.5, optimizer="sgd")
    accumulating = settings.model_copy(update={"gradient_accumulation": STEPS})
    one_by_one, together = _network(2), _network(2)

    _fit(one_by_one, accumulating, coding, _batches(coding, 0))
    whole = tf.data.Dataset.from_tensor_slices((images, coding.target(tf.constant(labels)))).batch(60)
    _fit(together, settings, coding, whole)

    start = _network(2).get_weights()
    for mine, theirs, before in zip(one_by_one.get_weights(), together.get_weights(), start, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
        assert np.abs(mine - before).max() > 1e-3
