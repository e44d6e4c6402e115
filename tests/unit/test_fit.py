"""Fitting: class weights, the metric that picks the epoch, best weights, and a training that diverges."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE
from components.settings import AugmentationSettings, TrainSettings
from components.trainer.data import LabelCoding
from components.trainer.fit import PositiveClassAUC, class_weights, compile_model, fit
from schema.errors import EXIT_FAILED, BreastImagingError

NO_AUGMENTATION = AugmentationSettings(
    horizontal_flip=False, rotation_degrees=0, translation=0, zoom=0, brightness=0, contrast=0
)
SIDE = 8


def test_weights_by_example() -> None:
    labels = np.array([0, 0, 0, 1])

    assert class_weights(labels, LabelCoding(2, positive=1)) == pytest.approx({0: 4 / 6, 1: 2.0})
    assert class_weights(labels, LabelCoding(2, positive=0)) == pytest.approx({0: 2.0, 1: 4 / 6})


@settings(deadline=None)
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


@pytest.mark.parametrize("positive", [0, 1, 2])
def test_auc_of_the_positive_class_is_that_of_scikit_learn(positive: int) -> None:
    generator = np.random.default_rng(positive)
    labels = generator.integers(0, 3, 600)
    logits = generator.normal(size=(600, 3)) + 1.5 * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    metric = PositiveClassAUC(positive)

    for part in np.array_split(np.arange(600), 7):
        metric.update_state(labels[part], probabilities[part].astype(np.float32))

    expected = roc_auc_score(labels == positive, probabilities[:, positive])
    assert 0.7 < expected < 0.95
    assert float(metric.result()) == pytest.approx(expected, abs=1e-2)


def test_auc_survives_its_configuration() -> None:
    metric = PositiveClassAUC(2, name="auc", num_thresholds=50)

    again = PositiveClassAUC.from_config(metric.get_config())

    assert (again.positive, again.name, again.num_thresholds) == (2, "auc", 50)


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


def _batches(coding: LabelCoding, seed: int, *, mislabelled: bool = False) -> tf.data.Dataset:
    images, labels = _images(coding.classes, seed)
    if mislabelled:
        labels = coding.classes - 1 - labels
    return tf.data.Dataset.from_tensor_slices((images, coding.target(tf.constant(labels)))).batch(20)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("monitor", ["val_auc", "val_loss"])
def test_the_weights_of_the_best_epoch_are_kept_and_each_epoch_is_reported(
    classes: int, monitor: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = TrainSettings.model_validate(
        {"epochs": 6, "learning_rate": 0.02, "monitor": monitor, "augmentation": NO_AUGMENTATION}
    )
    coding = LabelCoding(classes, positive=classes - 1)
    model = compile_model(_network(classes), settings, coding, xla=False)
    evaluation = _batches(coding, seed=1, mislabelled=True)  # so that the last epoch is not the best one

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        history = fit(model, _batches(coding, seed=0), evaluation, settings, dict.fromkeys(range(classes), 1.0))

    assert set(history.values) == {"loss", "auc", "val_loss", "val_auc"}
    watched = history.values[monitor]
    assert len(watched) == 6
    best = max(watched) if monitor == "val_auc" else min(watched)
    assert watched[history.best_epoch - 1] == best
    assert watched[-1] != best
    metrics = model.evaluate(evaluation, verbose=0, return_dict=True)
    assert metrics[monitor.removeprefix("val_")] == pytest.approx(best, rel=1e-5)
    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [(report.task, report.advance, report.total) for report in reports] == [("training", 1, 6)] * 6
    last = {name: f"{name} {values[-1]:.3f}" for name, values in history.values.items()}
    assert set(reports[-1].remark.split(", ")) == {last["loss"], last["val_loss"], last["val_auc"]}


def test_training_stops_when_patience_is_at_its_end() -> None:
    settings = TrainSettings(epochs=30, patience=2, learning_rate=1e-30, augmentation=NO_AUGMENTATION)
    coding = LabelCoding(2, 1)
    model = compile_model(_network(2), settings, coding, xla=False)

    history = fit(model, _batches(coding, 0), _batches(coding, 1), settings, None)

    assert len(history.values["val_auc"]) == 3  # the first one, and two that were no better
    assert history.best_epoch == 1


def test_the_auc_of_two_classes_is_that_of_the_positive_one() -> None:
    images, labels = _images(2, seed=3)
    network = _network(2)
    scores = network.predict(images, verbose=0)[:, 0]
    for positive in (0, 1):
        coding = LabelCoding(2, positive)
        model = compile_model(network, TrainSettings(augmentation=NO_AUGMENTATION), coding, xla=False)

        measured = model.evaluate(_batches(coding, seed=3), verbose=0, return_dict=True)["auc"]

        assert measured == pytest.approx(roc_auc_score(labels == positive, scores), abs=2e-2)


def test_outside_training_images_are_not_augmented() -> None:
    images, _ = _images(2, seed=4)
    network = _network(2)
    strongest = AugmentationSettings(
        vertical_flip=True, rotation_degrees=180, translation=0.5, zoom=0.5, brightness=1
    )
    model = compile_model(network, TrainSettings(augmentation=strongest), LabelCoding(2, 1), xla=False)

    np.testing.assert_array_equal(model.predict(images, verbose=0), network.predict(images, verbose=0))
    assert not np.array_equal(model(images, training=True), network(images, training=True))


def test_a_loss_that_is_no_number_ends_the_training_with_advice() -> None:
    settings = TrainSettings(epochs=3, augmentation=NO_AUGMENTATION)
    coding = LabelCoding(2, 1)
    model = compile_model(_network(2), settings, coding, xla=False)

    evaluation = _batches(coding, 1)
    without_values = _batches(coding, 0).map(lambda images, targets: (images * float("nan"), targets))

    with pytest.raises(BreastImagingError) as caught:
        fit(model, without_values, evaluation, settings, None)

    assert caught.value.what == "Trainer: the loss became nan in epoch 1."
    assert caught.value.fix.startswith("lower the learning rate")
    assert caught.value.exit_code == EXIT_FAILED


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", keras.optimizers.Adam), ("rmsprop", keras.optimizers.RMSprop), ("sgd", keras.optimizers.SGD)],
)
def test_the_optimizer_is_that_of_the_settings(name: str, kind: type[keras.optimizers.Optimizer]) -> None:
    settings = TrainSettings.model_validate({"optimizer": name, "learning_rate": 0.125})

    model = compile_model(_network(2), settings, LabelCoding(2, 1), xla=False)

    assert type(model.optimizer) is kind
    assert float(model.optimizer.learning_rate) == 0.125
