"""An exported model answers, through a session in a fresh process, exactly as the network does in Keras."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.trainer.calibration import apply_temperature
from components.trainer.warm_up import BATCHES
from schema import contract
from schema.images.formats import encode_png
from serving.check import check_model
from serving.examples import image_example
from serving.extras import read_description
from serving.saved_model import UnusableModelError
from serving.servable import Servable
from tests.serving.conftest import Exported, transformed_pixels

ASK = """
import json, sys
from serving.check import check_model
from serving.servable import Servable
from pathlib import Path
images = [Path(path).read_bytes() for path in sys.argv[2:]]
with Servable(sys.argv[1]) as servable:
    answer = servable.predict_images(images)
values = [answer.probabilities.tolist(), answer.labels, answer.malignant_probability.tolist(), answer.threshold]
print("ANSWER" + json.dumps(values))
"""


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    generator = np.random.default_rng(3)
    shapes = [(40, 40), (17, 91), (128, 64, 3), (33, 32, 3), (9, 9)]
    return [encode_png(generator.integers(0, 256, shape).astype(np.uint8)) for shape in shapes]


def keras_probabilities(exported: Exported, images: Sequence[bytes]) -> np.ndarray:
    """The network's own answer, with the picture prepared by the code that Transform ran."""
    model: Any = exported.model
    outputs = model.predictor.network(transformed_pixels(model.transform_output, model.shape, images), training=False)
    return model.coding.to_probabilities(outputs).numpy()


def test_fresh_process_gives_the_numbers_of_the_network(
    exported: Exported, images: list[bytes], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(image)
    finished = subprocess.run(
        [sys.executable, "-c", ASK, str(exported.directory), *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in finished.stdout.splitlines() if line.startswith("ANSWER")]
    probabilities, labels, malignant, threshold = json.loads(line.removeprefix("ANSWER"))
    expected = keras_probabilities(exported, images)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(malignant, expected[:, 1], atol=1e-5)
    assert labels == ["malignant" if value >= 0.5 else "benign" for value in expected[:, 1]]
    assert threshold == 0.5


def test_all_signatures_agree(exported: Exported, images: list[bytes]) -> None:
    with Servable(str(exported.directory)) as servable:
        from_images = servable.predict_images(images)
        from_examples = servable.predict_examples([image_example(image) for image in images])
        explained = servable.explain_images(images).predictions
    np.testing.assert_allclose(from_images.probabilities.sum(axis=1), 1.0, atol=1e-6)
    for other in (from_examples, explained):
        np.testing.assert_allclose(other.probabilities, from_images.probabilities, atol=1e-6)
        np.testing.assert_allclose(other.malignant_probability, from_images.malignant_probability, atol=1e-6)
        assert (other.labels, other.threshold) == (from_images.labels, from_images.threshold)


@pytest.mark.parametrize("signature", [contract.SERVING_IMAGE, contract.SERVING_EXPLANATION])
def test_every_image_is_answered_with_the_names_of_the_classes(
    exported: Exported, images: list[bytes], signature: str
) -> None:
    with Servable(str(exported.directory)) as servable:
        answer = servable.run(signature, {contract.IMAGE_BYTES_INPUT: np.array(images, object)})

    assert answer[contract.CLASSES].tolist() == [[b"benign", b"malignant"]] * len(images)


def test_every_signature_has_requests_to_warm_up_with(exported: Exported) -> None:
    file = exported.directory / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    requests = [PredictionLog.FromString(record).predict_log.request for record in records]

    assert [(request.model_spec.name, request.model_spec.signature_name) for request in requests] == [
        ("small", signature)
        for signature in (contract.SERVING_DEFAULT, contract.SERVING_IMAGE, contract.SERVING_EXPLANATION)
        for _ in BATCHES
    ]
    with Servable(str(exported.directory)) as servable:
        for request, size in zip(requests, BATCHES * 3, strict=True):
            inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            answer = servable.run(request.model_spec.signature_name, inputs)
            assert len(answer[contract.PROBABILITIES]) == size


@pytest.mark.parametrize("margin", [-1e-3, 1e-3])
def test_label_turns_at_the_threshold(
    export_model: Callable[..., Exported],
    exported: Exported,
    images: list[bytes],
    margin: float,
) -> None:
    score = float(keras_probabilities(exported, images[:1])[0, 1])
    moved = export_model(("benign", "malignant"), score - margin)
    with Servable(str(moved.directory)) as servable:
        answer = servable.predict_images(images[:1])
    assert answer.labels == (("malignant",) if margin > 0 else ("benign",))
    assert answer.threshold == pytest.approx(score - margin, abs=1e-6)


def test_three_classes_name_the_likeliest_other_below_the_threshold(
    export_model: Callable[..., Exported], images: list[bytes]
) -> None:
    labels = ("normal", "benign", "malignant")
    never = export_model(labels, 1.1)
    always = export_model(labels, 0.0)
    expected = keras_probabilities(never, images)
    with Servable(str(never.directory)) as servable:
        answer = servable.predict_images(images)
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(answer.malignant_probability, expected[:, 2], atol=1e-5)
    assert answer.labels == tuple(labels[index] for index in expected[:, :2].argmax(axis=1))
    with Servable(str(always.directory)) as servable:
        assert set(servable.predict_images(images).labels) == {"malignant"}


@pytest.mark.parametrize("labels", [("benign", "malignant"), ("normal", "benign", "malignant")])
@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_the_temperature_is_applied_before_the_threshold(
    export_model: Callable[..., Exported], images: list[bytes], labels: tuple[str, ...], temperature: float
) -> None:
    uncalibrated = keras_probabilities(export_model(labels, 0.5), images)
    expected = apply_temperature(uncalibrated, temperature)
    assert np.abs(expected - uncalibrated).max() > 0.005
    scores = np.sort(expected[:, -1])
    threshold = float(scores[2] + scores[3]) / 2  # two of five images are above it

    model = export_model(labels, threshold, temperature)
    with Servable(str(model.directory)) as servable:
        answer = servable.predict_images(images)
        from_examples = servable.predict_examples([image_example(image) for image in images])

    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(from_examples.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(answer.malignant_probability, expected[:, -1], atol=1e-5)
    others = [labels[index] for index in expected[:, :-1].argmax(axis=1)]
    assert answer.labels == tuple(
        labels[-1] if score >= threshold else other for score, other in zip(expected[:, -1], others, strict=True)
    )
    assert answer.labels.count(labels[-1]) == 2
    assert read_description(str(model.directory)).temperature == temperature
    check_model(str(model.directory))


def test_sixteen_bits_and_eight_bits_of_one_picture_answer_alike(exported: Exported) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (50, 50)).astype(np.uint8)
    with Servable(str(exported.directory)) as servable:
        answer = servable.predict_images([encode_png(picture), encode_png(picture.astype(np.uint16) * 257)])
    np.testing.assert_allclose(answer.probabilities[0], answer.probabilities[1], atol=1e-3)


def test_description_names_the_contract(exported: Exported) -> None:
    written = (exported.directory / contract.EXTRA_ASSETS / contract.MODEL_DESCRIPTION_FILE).read_text()
    assert json.loads(written) == {
        "name": "small",
        "labels": ["benign", "malignant"],
        "positive_label": "malignant",
        "threshold": 0.5,
        "temperature": 1.0,
        "image_size": [32, 32],
        "channels": 3,
    }
    assert read_description(str(exported.directory)).labels == ("benign", "malignant")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "the file: Invalid JSON"),
        ("[]", "the file: "),
        ('{"labels": "benign"}', "labels: "),
        ('{"labels": ["benign", 1]}', "labels.1: "),
    ],
)
def test_a_damaged_description_is_told_from_a_missing_one(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnusableModelError, match=r"^The model lacks .*model\.json \(NotFoundError\)\."):
        read_description(str(tmp_path))
    (tmp_path / contract.EXTRA_ASSETS).mkdir()
    (tmp_path / contract.EXTRA_ASSETS / contract.MODEL_DESCRIPTION_FILE).write_text(text)
    with pytest.raises(
        UnusableModelError, match=r"^The description of the model is damaged: .*model\.json\."
    ) as caught:
        read_description(str(tmp_path))
    assert any(each.startswith(reason) for each in caught.value.reasons)


def test_bytes_that_are_no_image_are_refused_and_the_model_answers_on(
    exported: Exported, images: list[bytes]
) -> None:
    with Servable(str(exported.directory)) as servable:
        with pytest.raises(UnusableModelError, match=r"cannot answer 'serving_image' .*Unknown image file format"):
            servable.predict_images([b"no image"])
        assert len(servable.predict_images(images).labels) == len(images)


def test_unknown_signature_is_named_with_those_there_are(exported: Exported) -> None:
    with (
        Servable(str(exported.directory)) as servable,
        pytest.raises(
            UnusableModelError, match="'predict'; it has serving_default, serving_explanation, serving_image"
        ),
    ):
        servable.run("predict", {})
