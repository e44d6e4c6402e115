"""A version is asked before it serves."""

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import ClassifyLog, PredictionLog, PredictLog

from schema import contract
from serving.reference import reference_images
from serving.saved_model import UnusableModelError
from serving.server.loader import make_loader
from serving.server.settings import Limits, Threads
from tests.serving.conformance.models import write_toy
from tests.serving.requests_of import image_request, spec

IMAGE = reference_images()[0]
LOAD = make_loader(Threads(), Limits())


def records_of(model: Path) -> Path:
    return model / contract.EXTRA_ASSETS / "tf_serving_warmup_requests"


def write_records(model: Path, *logs: PredictionLog) -> None:
    with tf.io.TFRecordWriter(str(records_of(model))) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def log_of(request: PredictRequest) -> PredictionLog:
    return PredictionLog(predict_log=PredictLog(request=request))


def test_records_beside_the_model_are_run(copy_of_exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    run = "serving.saved_model.SessionModel.run"
    monkeypatch.setattr(run, lambda model, signature, inputs: asked.append(signature))
    write_records(copy_of_exported, *[log_of(image_request(spec("any"), [IMAGE]))] * 3)

    LOAD(copy_of_exported).close()

    assert asked == [contract.SERVING_IMAGE] * 3


def test_without_records_a_reference_image_goes_through_every_signature(
    copy_of_exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = "serving.saved_model.SessionModel.run"
    monkeypatch.setattr(run, lambda model, signature, inputs: asked.append(signature))
    records_of(copy_of_exported).unlink()

    LOAD(copy_of_exported).close()

    assert asked == [contract.SERVING_DEFAULT, contract.SERVING_EXPLANATION, contract.SERVING_IMAGE]


def test_a_model_of_somebody_else_is_loaded_as_it_is(tmp_path: Path) -> None:
    write_toy(tmp_path / "7")

    with LOAD(tmp_path / "7") as model:
        assert sorted(model.signatures) == ["classify", "echo", "regress", "serving_default"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (log_of(image_request(spec("any", "nope"), [IMAGE])), 'Serving signature key "nope" not found.'),
        (log_of(image_request(spec("any"), [b"no image"])), "Image 0 is not a PNG, JPEG, BMP or GIF image."),
        (log_of(image_request(spec("any"), [IMAGE[:-40]])), ""),
        (PredictionLog(classify_log=ClassifyLog()), "ValueError: a warm-up record is no predict_log"),
    ],
)
def test_a_version_that_does_not_answer_its_records_is_refused(
    record: PredictionLog, reason: str, copy_of_exported: Path
) -> None:
    write_records(copy_of_exported, record)

    with pytest.raises(UnusableModelError) as caught:
        LOAD(copy_of_exported)
    assert f"fails at its warm-up ({reason}" in caught.value.what


def test_damaged_files_are_a_reason(copy_of_exported: Path) -> None:
    records_of(copy_of_exported).unlink()
    (copy_of_exported / contract.EXTRA_ASSETS / contract.REFERENCE_FILE).write_text("{}")
    with pytest.raises(UnusableModelError, match="fails at its warm-up"):
        LOAD(copy_of_exported)

    records_of(copy_of_exported).write_bytes(b"no records")
    with pytest.raises(UnusableModelError, match="tf_serving_warmup_requests holds no record"):
        LOAD(copy_of_exported)


def test_a_model_without_weights_is_refused_before_it_serves(copy_of_exported: Path) -> None:
    shutil.rmtree(copy_of_exported / "variables")

    with pytest.raises(UnusableModelError):
        LOAD(copy_of_exported)
