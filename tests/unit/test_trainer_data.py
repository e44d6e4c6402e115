"""Training data: targets, probabilities, and the order in which examples are read."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.settings import (
    ModelSettings,
    OperatingPointSettings,
    PredictionSettings,
    TrainerSettings,
    TrainSettings,
    TransformSettings,
)
from components.trainer.data import (
    LabelCoding,
    TransformedExamples,
    evaluation_batches,
    label_coding,
    read_examples,
    subset,
    training_batches,
)
from schema import contract

SHAPE = TransformSettings(height=8, width=9, channels=3)


@pytest.mark.parametrize(("positive", "position"), [("a", 0), ("b", 1), ("c", 2)])
def test_the_coding_of_the_settings(positive: str, position: int) -> None:
    settings = TrainerSettings(
        labels=("a", "b", "c"),
        positive_label=positive,
        model=ModelSettings(),
        train=TrainSettings(),
        prediction=PredictionSettings(),
        operating_point=OperatingPointSettings(),
        model_name="m",
    )

    assert label_coding(settings) == LabelCoding(classes=3, positive=position)


@pytest.mark.parametrize(
    ("coding", "targets"),
    [
        (LabelCoding(classes=2, positive=1), [0.0, 1.0, 1.0, 0.0]),
        (LabelCoding(classes=2, positive=0), [1.0, 0.0, 0.0, 1.0]),
    ],
)
def test_the_target_of_two_classes_is_one_for_the_positive_class(coding: LabelCoding, targets: list[float]) -> None:
    target = coding.target(tf.constant([0, 1, 1, 0], tf.int64))

    assert target.dtype == tf.float32
    assert target.numpy().tolist() == targets


def test_the_target_of_three_classes_is_the_label_index() -> None:
    target = LabelCoding(classes=3, positive=2).target(tf.constant([2, 0, 1], tf.int64))

    assert target.dtype == tf.int64
    assert target.numpy().tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("positive", "probabilities"), [(1, [[0.75, 0.25], [0.0, 1.0]]), (0, [[0.25, 0.75], [1.0, 0.0]])]
)
def test_probabilities_of_two_classes_are_in_label_order(positive: int, probabilities: list[list[float]]) -> None:
    outputs = tf.constant([[0.25], [1.0]])

    assert LabelCoding(2, positive).to_probabilities(outputs).numpy().tolist() == probabilities


@pytest.mark.parametrize("positive", [0, 1, 2])
def test_probabilities_of_three_classes_are_the_outputs(positive: int) -> None:
    outputs = [[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]

    assert LabelCoding(3, positive).to_probabilities(tf.constant(outputs)).numpy().tolist() == outputs


@settings(max_examples=25)
@given(st.integers(0, 1), st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6))
def test_the_column_of_the_positive_class_is_the_very_output(positive: int, outputs: list[float]) -> None:
    probabilities = LabelCoding(2, positive).to_probabilities(tf.constant(outputs)[:, None]).numpy()

    assert probabilities[:, positive].tolist() == outputs
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-7)


@pytest.mark.parametrize("positive", [0, 1])
def test_the_log_odds_of_two_classes_are_the_only_logit(positive: int) -> None:
    logits = tf.constant([[-300.0], [0.5], [300.0]])

    assert LabelCoding(2, positive).log_odds(logits).numpy().tolist() == [-300.0, 0.5, 300.0]


@pytest.mark.parametrize("positive", [0, 1, 2])
def test_the_log_odds_of_three_classes_are_those_of_the_softmax(positive: int) -> None:
    logits = tf.constant([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]])
    probability = tf.nn.softmax(logits).numpy().astype(np.float64)[:, positive]

    found = LabelCoding(3, positive).log_odds(logits).numpy()

    np.testing.assert_allclose(found, np.log(probability / (1.0 - probability)), rtol=1e-6, atol=1e-6)


def test_the_log_odds_of_a_certain_answer_are_finite() -> None:
    logits = tf.constant([[0.0, 0.0, 500.0], [500.0, 0.0, -500.0]])
    assert tf.nn.softmax(logits)[:, 2].numpy().tolist() == [1.0, 0.0]

    found = LabelCoding(3, 2).log_odds(logits).numpy()

    np.testing.assert_allclose(found, [500.0 - np.log(2.0), -1000.0], rtol=1e-6)


def _image(number: int) -> NDArray[np.uint8]:
    return np.full((8, 9, 3), number, np.uint8)


def _example(number: int, label: int) -> bytes:
    def bytes_feature(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {
        contract.TRANSFORMED_IMAGE: bytes_feature(tf.io.serialize_tensor(_image(number)).numpy()),
        contract.TRANSFORMED_LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        contract.TRANSFORMED_SOURCE: bytes_feature(f"{number:03d}.png".encode()),
    }
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


def _write(directory: Path, *files: list[int]) -> list[str]:
    """Examples by their numbers, whose last digit is the label; returns a pattern for each file."""
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for position, numbers in enumerate(files):
        with tf.io.TFRecordWriter(str(directory / f"file{position}-of-9.gz"), options) as writer:
            for number in numbers:
                writer.write(_example(number, number % 10))
    return [str(directory / f"file{position}-*") for position in range(len(files))]


@pytest.mark.parametrize("files", [([21, 10, 132], [42, 3]), ([3], [42, 132, 10, 21]), ([132, 42, 21, 10, 3],)])
def test_examples_are_read_in_the_order_of_their_sources_however_they_lie(
    tmp_path: Path, files: tuple[list[int], ...]
) -> None:
    examples = read_examples(_write(tmp_path, *files), SHAPE)

    assert len(examples) == 5
    assert examples.label_indices().tolist() == [3, 0, 1, 2, 2]
    assert examples.sources() == ["003.png", "010.png", "021.png", "042.png", "132.png"]
    for position, number in enumerate((3, 10, 21, 42, 132)):
        image, label_index = examples.read(tf.constant(position))
        assert image.dtype == tf.float32
        np.testing.assert_array_equal(image, _image(number))
        assert int(label_index) == number % 10


def _examples(count: int) -> TransformedExamples:
    return TransformedExamples(tf.constant([_example(number, number % 2) for number in range(count)]), SHAPE)


def test_a_subset_holds_the_examples_asked_for_in_the_order_asked_for() -> None:
    part = subset(_examples(9), np.array([7, 0, 4]))

    assert (len(part), part.shape) == (3, SHAPE)
    assert part.sources() == ["007.png", "000.png", "004.png"]
    assert part.label_indices().tolist() == [1, 0, 0]
    assert [int(part.read(tf.constant(position))[0][0, 0, 0]) for position in range(3)] == [7, 0, 4]
    assert len(subset(part, np.array([], np.intp))) == 0


def test_evaluation_batches_keep_the_order_and_the_range() -> None:
    batches = list(evaluation_batches(_examples(7), LabelCoding(2, 1), batch_size=3).as_numpy_iterator())

    assert [images.shape for images, _ in batches] == [(3, 8, 9, 3), (3, 8, 9, 3), (1, 8, 9, 3)]
    assert {images.dtype for images, _ in batches} == {np.dtype(np.float32)}
    assert np.concatenate([images[:, 0, 0, 0] for images, _ in batches]).tolist() == list(range(7))
    assert np.concatenate([targets for _, targets in batches]).tolist() == [0, 1, 0, 1, 0, 1, 0]


def _order(batches: tf.data.Dataset) -> list[tuple[float, float]]:
    return [
        (image[0, 0, 0].item(), target.item())
        for images, targets in batches.as_numpy_iterator()
        for image, target in zip(images, targets, strict=True)
    ]


def test_training_batches_hold_every_image_once_with_its_own_target_in_a_new_order_each_epoch() -> None:
    batches = training_batches(_examples(32), LabelCoding(2, 0), batch_size=5, seed=1)

    first, second = _order(batches), _order(batches)

    assert sorted(first) == sorted(second) == [(number, float(number % 2 == 0)) for number in range(32)]
    assert first != second
    assert first != sorted(first)


def test_a_last_batch_that_is_not_full_can_be_left_out_though_no_image_is_for_good() -> None:
    batches = training_batches(_examples(11), LabelCoding(2, 0), batch_size=4, seed=1, drop_remainder=True)

    seen = [_order(batches) for _ in range(10)]

    assert int(batches.cardinality()) == 2
    assert {len(set(epoch)) for epoch in seen} == {8}
    assert {number for epoch in seen for number, _ in epoch} == set(range(11))


def test_training_order_depends_on_the_seed_alone() -> None:
    def first_epoch(seed: int) -> list[tuple[float, float]]:
        return _order(training_batches(_examples(32), LabelCoding(2, 1), batch_size=5, seed=seed))

    assert first_epoch(1) == first_epoch(1)
    assert first_epoch(1) != first_epoch(2)
