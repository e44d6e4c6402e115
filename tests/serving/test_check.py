"""The check before publishing: it passes what TensorFlow Serving can run, and closes on everything else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from components.infra_validation.backends import SessionLoader
from schema import contract
from schema.errors import PublishingError
from serving import check
from serving.saved_model import UnusableModelError
from tests.serving.conftest import Exported


def reference_path(model: Path) -> Path:
    return model / contract.EXTRA_ASSETS / contract.REFERENCE_FILE


def test_sound_model_passes_in_a_new_process(exported: Exported) -> None:
    SessionLoader().check(exported.directory)


@pytest.mark.parametrize(("shift", "passes"), [(0.5 * check.TOLERANCE, True), (2.0 * check.TOLERANCE, False)])
def test_probabilities_may_differ_by_the_tolerance_and_no_more(
    copy_of_exported: Path, shift: float, passes: bool
) -> None:
    path = reference_path(copy_of_exported)
    reference = json.loads(path.read_text())
    reference["probabilities"][0][0] += shift
    path.write_text(json.dumps(reference))
    if passes:
        check.check_model(str(copy_of_exported))
    else:
        with pytest.raises(UnusableModelError, match=r"differ by 0\.0002 from the trainer's own"):
            check.check_model(str(copy_of_exported))


def test_not_a_number_fails(copy_of_exported: Path) -> None:
    path = reference_path(copy_of_exported)
    reference = json.loads(path.read_text())
    reference["probabilities"][0][0] = float("nan")
    path.write_text(json.dumps(reference))
    with pytest.raises(UnusableModelError, match="differ by nan"):
        check.check_model(str(copy_of_exported))


def test_another_threshold_fails(copy_of_exported: Path) -> None:
    path = reference_path(copy_of_exported)
    reference = json.loads(path.read_text())
    reference["threshold"] = 0.25
    path.write_text(json.dumps(reference))
    with pytest.raises(UnusableModelError, match=r"answers the threshold 0\.5; the trainer chose 0\.25"):
        check.check_model(str(copy_of_exported))


def test_other_names_of_classes_fail(copy_of_exported: Path) -> None:
    path = copy_of_exported / contract.EXTRA_ASSETS / contract.MODEL_DESCRIPTION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": ["malignant", "benign"]}))
    with pytest.raises(
        UnusableModelError,
        match=r"names the classes \[\['benign', 'malignant'\]\]; the model's description \['malignant'",
    ):
        check.check_model(str(copy_of_exported))


@pytest.mark.parametrize(
    "missing", ["variables", "saved_model.pb", f"{contract.EXTRA_ASSETS}/{contract.REFERENCE_FILE}"]
)
def test_incomplete_model_is_refused(copy_of_exported: Path, missing: str) -> None:
    path = copy_of_exported / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(PublishingError, match="does not serve it as it was trained"):
        SessionLoader().check(copy_of_exported)


def test_saved_model_that_only_python_can_run_is_refused(exported: Exported, tmp_path: Path) -> None:
    """The form that TFX's own examples use: Python loads and runs it, TensorFlow Serving fails on it."""
    network = exported.model.predictor.network  # type: ignore[attr-defined]
    broken = tmp_path / "broken"

    class Holder(tf.Module):
        def __init__(self, model: keras.Model) -> None:
            super().__init__()
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=contract.IMAGE_BYTES_INPUT)])
        def serve(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            probability = self.model(tf.zeros([tf.shape(image_bytes)[0], 32, 32, 3]), training=False)
            return {contract.PROBABILITIES: tf.concat([1 - probability, probability], axis=1)}

    holder = Holder(network)
    tf.saved_model.save(holder, str(broken), signatures={contract.SERVING_IMAGE: holder.serve})
    shutil.copytree(exported.directory / contract.EXTRA_ASSETS, broken / contract.EXTRA_ASSETS)

    loaded = tf.saved_model.load(str(broken)).signatures[contract.SERVING_IMAGE]
    assert loaded(image_bytes=tf.constant([b"x"]))[contract.PROBABILITIES].shape == (1, 2), "Python runs it"
    with pytest.raises(PublishingError) as caught:
        SessionLoader().check(broken)
    assert "Could not find variable" in str(caught.value)


def test_command_without_a_folder_says_how_to_use_it() -> None:
    finished = subprocess.run([sys.executable, "-m", "serving.check"], capture_output=True, text=True, check=False)
    assert finished.returncode == 4
    assert "usage: python -m serving.check MODEL_DIRECTORY" in finished.stderr
