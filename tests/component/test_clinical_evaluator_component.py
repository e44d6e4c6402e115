"""The component: what it reads, whom it asks, what it writes, and what it refuses by name."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.artifacts import ClinicalBlessing, ClinicalEvaluation
from components.clinical_evaluator import executor, predict
from components.clinical_evaluator.executor import Executor, read_evaluation
from components.clinical_evaluator.predict import score_examples
from components.clinical_evaluator.scored_images import UnusableScoresError
from components.publisher.executor import Executor as Publisher
from schema import contract
from schema.errors import ConfigurationError, DataRejectedError
from serving.servable import Predictions
from tests.clinical import LABELS, settings_of
from tests.model_descriptions import write_description

THRESHOLD = 0.4
Row = tuple[str, str, str, float]  # source, group, label, probability of malignant


def _rows(images: int = 70) -> list[Row]:
    random = np.random.default_rng(0)
    return [
        (
            f"{number}.png",
            f"p{number // 2}",
            LABELS[number % 4 // 2],
            float(np.clip(random.normal(0.3 + 0.4 * (number % 4 // 2), 0.2), 0, 1)),
        )
        for number in range(images)
    ]


def _write_examples(rows: Sequence[Row], directory: Path) -> str:
    """Examples as ingested, with the model's answer in the place of the image. Returns the pattern of the files."""
    directory.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(directory / "images.tfrecord")) as writer:
        for source, group, label, probability in rows:
            features: dict[str, Any] = {
                contract.SOURCE: source,
                contract.GROUP: group,
                contract.LABEL: label,
                contract.IMAGE_ENCODED: repr(probability),
                contract.IMAGE_SIZE_BAND: "small",
                f"{contract.ATTRIBUTE_PREFIX}{contract.VIEW}": "CC" if int(source.split(".")[0]) % 2 else "MLO",
            }
            encoded = {
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
                for name, value in features.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=encoded))
            writer.write(example.SerializeToString())
    return str(directory / "*")


class _Model:
    """Answers what stands in the place of the image; a folder that ends in `better` a little more to the point."""

    def __init__(self, directory: str) -> None:
        self._shift = 0.05 if "better" in directory else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        pass

    def predict_examples(self, examples: Sequence[bytes]) -> Predictions:
        parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
        scores = np.array([float(each[contract.IMAGE_ENCODED].bytes_list.value[0]) for each in parsed])
        malignant = [each[contract.LABEL].bytes_list.value[0] == b"malignant" for each in parsed]
        scores = np.clip(scores + self._shift * np.where(malignant, 1, -1), 0, 1)
        return Predictions(
            probabilities=np.column_stack([1 - scores, scores]).astype(np.float32),
            labels=tuple(LABELS[int(score >= THRESHOLD)] for score in scores),
            malignant_probability=scores.astype(np.float32),
            threshold=THRESHOLD,
        )


@pytest.fixture(autouse=True)
def _answering_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "Servable", _Model)


def _model(directory: Path, number: int, labels: Sequence[str] = LABELS) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.id, model.uri = number, str(directory)
    write_description(Path(path_utils.serving_model_path(model.uri)), labels, labels[-1], name="example")
    return model


def _evaluate(
    folder: Path, model: standard_artifacts.Model, baselines: list[standard_artifacts.Model], **clinical: Any
) -> tuple[Path, ClinicalBlessing]:
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    examples.split_names = '["train", "test"]'
    _write_examples(_rows(), folder / "examples" / "Split-test")
    found, blessing = ClinicalEvaluation(), ClinicalBlessing()
    found.uri = str(folder / "evaluation")
    Path(found.uri).mkdir()
    inputs = {executor.EXAMPLES_KEY: [examples], executor.MODEL_KEY: [model], executor.BASELINE_KEY: baselines}
    outputs = {executor.EVALUATION_KEY: [found], executor.BLESSING_KEY: [blessing]}
    settings = settings_of(**clinical).model_dump_json()
    Executor().Do(inputs, outputs, {executor.SETTINGS_KEY: settings})
    return Path(found.uri), blessing


def test_examples_are_read_with_their_answers(tmp_path: Path) -> None:
    rows = _rows()
    images = score_examples("model", [_write_examples(rows, tmp_path / "test")], LABELS, "malignant")

    assert list(images.sources) == [row[0] for row in rows]
    assert images.groups.tolist() == [row[1] for row in rows]
    assert [LABELS[index] for index in images.truth] == [row[2] for row in rows]
    np.testing.assert_allclose(images.scores, [row[3] for row in rows], atol=1e-6)
    assert images.decided.tolist() == [int(row[3] >= THRESHOLD) for row in rows]
    assert images.threshold == THRESHOLD
    assert set(images.attributes) == {contract.VIEW, contract.SIZE}
    assert images.attributes[contract.VIEW][:2].tolist() == ["MLO", "CC"]


def test_the_evaluation_is_written_beside_every_answer_it_comes_from(tmp_path: Path) -> None:
    folder, blessing = _evaluate(tmp_path, _model(tmp_path / "model", 5), [], minimum_auc=0, minimum_recall=0)
    found = read_evaluation(str(folder))
    with (folder / "predictions.csv").open(newline="") as file:
        written = list(csv.DictReader(file))

    assert (found.model, found.splits) == ("example", ["test"])
    assert found.verdict.notes == ["There was no earlier blessed model of these classes to compare with."]
    assert [row["source"] for row in written] == [row[0] for row in _rows()]
    assert [float(row["probability of malignant"]) for row in written] == pytest.approx(
        [row[3] for row in _rows()], abs=1e-6
    )
    properties = ("blessed", "certified", "current_model_id")
    assert [blessing.get_int_custom_property(name) for name in properties] == [1, 1, 5]


def test_a_model_that_falls_short_is_not_blessed(tmp_path: Path) -> None:
    _, blessing = _evaluate(tmp_path, _model(tmp_path / "model", 5), [], minimum_auc=1.0)

    properties = ("blessed", "certified", "current_model_id")
    assert [blessing.get_int_custom_property(name) for name in properties] == [0, 0, 5]


def test_the_latest_blessed_model_is_asked_for_the_same_images(tmp_path: Path) -> None:
    candidate, baseline = _model(tmp_path / "model", 5), _model(tmp_path / "better", 3)
    folder, _ = _evaluate(tmp_path, candidate, [baseline])
    found = read_evaluation(str(folder)).comparison

    assert found is not None
    assert found.baseline == "model 3"
    assert found.auc.value is not None and -0.2 < found.auc.value < 0


def test_a_baseline_of_other_classes_is_named_and_not_compared_with(tmp_path: Path) -> None:
    other = _model(tmp_path / "other", 3, labels=("normal", "benign", "malignant"))
    folder, _ = _evaluate(tmp_path, _model(tmp_path / "model", 5), [other])
    found = read_evaluation(str(folder))

    assert found.comparison is None
    assert found.verdict.notes == [
        "The latest blessed model (artifact 3) tells other classes apart (normal, benign, malignant; positive:"
        " malignant), so it was not compared with."
    ]


def test_a_missing_label_is_refused_by_its_image(tmp_path: Path) -> None:
    pattern = _write_examples([*_rows(3), ("3.png", "p9", "", 0.5)], tmp_path / "test")

    with pytest.raises(DataRejectedError, match=r"3\.png has the label '', which is none of benign, malignant"):
        score_examples("model", [pattern], LABELS, "malignant")


def test_no_images_are_refused(tmp_path: Path) -> None:
    for pattern in (str(tmp_path / "nothing" / "*"), _write_examples([], tmp_path / "test")):
        with pytest.raises(DataRejectedError, match="no images to evaluate"):
            score_examples("model", [pattern], LABELS, "malignant")


def test_a_model_of_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    pattern = _write_examples(_rows(3), tmp_path / "test")

    with pytest.raises(ConfigurationError, match="tells 2 classes apart; the configuration names 3"):
        score_examples("model", [pattern], ("normal", *LABELS), "malignant")


def test_nan_answers_are_refused(tmp_path: Path) -> None:
    pattern = _write_examples([*_rows(2), ("2.png", "p9", "benign", float("nan"))], tmp_path / "test")

    with pytest.raises(UnusableScoresError, match="no probability for 1 of 3 images"):
        score_examples("model", [pattern], LABELS, "malignant")


@pytest.mark.parametrize(("gate", "clinical"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_model_is_pushed_only_where_both_have_blessed_it(gate: int, clinical: int) -> None:
    blessings = {"model_blessing": standard_artifacts.ModelBlessing(), "clinical_blessing": ClinicalBlessing()}
    for name, blessed in (("model_blessing", gate), ("clinical_blessing", clinical)):
        blessings[name].set_int_custom_property("blessed", blessed)

    checked = Publisher().CheckBlessing({name: [blessing] for name, blessing in blessings.items()})

    assert checked is bool(gate and clinical)
