"""The reproductions of earlier projects: what they ask for, and that each of them runs."""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.models.backbone import build_base
from components.models.registry import get_model
from components.models.spec import InputShape, Network
from components.settings import FineTuningSettings, ModelSettings
from pipeline.config import Config, load_config, shipped_configs
from tests.component import pictures
from tests.images import encode, netpbm, noise, write_files
from tests.pipeline.conftest import Outcome, Runner

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "reproductions/"
# Data set, architecture, head, input, channels, optimizer, learning rate, epochs, images in a batch.
EXPECTED: Mapping[str, tuple[Any, ...]] = {
    "cnn": ("mammogram", "cnn", "", (224, 224), 3, "rmsprop", 1e-3, 25, 64),
    "cnn_mias": ("mias", "cnn_mias", "", (128, 128), 1, "adam", 1e-3, 100, 128),
    "densenet121": ("busi", "densenet121", "mlp", (256, 256), 3, "adam", 1e-3, 10, 16),
    "densenet201": ("breakhis", "densenet201", "gap_dropout_first", (224, 224), 3, "adam", 1e-3, 3, 16),
    "resnet50": ("mammogram", "resnet50", "gap", (224, 224), 3, "adam", 5e-5, 10, 32),
    "vgg16_dense": ("mammogram", "vgg16", "dense", (224, 224), 3, "adam", 5e-5, 10, 32),
    "vgg16_fine_tuned": ("mammogram", "vgg16", "dense", (224, 224), 3, "adam", 5e-5, 10, 32),
    "vgg16_gap": ("mammogram", "vgg16", "gap", (224, 224), 3, "adam", 5e-5, 10, 32),
}
# The shipped configuration of the same data: what a reproduction asks of data and gate is what it asks.
PLAIN = {"mammogram": "mammogram", "mias": "mias", "busi": "busi", "breakhis": "breakhis"}
SIDE = 32
PATIENTS = 10  # of each class


def reproduction(name: str, *overrides: str) -> Config:
    return load_config(FOLDER + name, overrides)


def test_these_are_shipped() -> None:
    shipped = [name.removeprefix(FOLDER) for name in shipped_configs() if name.startswith(FOLDER)]

    assert shipped == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_network_and_training_are_those_reported(name: str) -> None:
    config = reproduction(name)

    shape = get_model(config.model.architecture).input_shape(config.model)
    train = config.train
    assert (
        config.data.dataset,
        config.model.architecture,
        config.model.head,
        (shape.height, shape.width),
        shape.channels,
        train.optimizer,
        train.learning_rate,
        train.epochs,
        train.batch_size,
    ) == EXPECTED[name]
    assert (config.model.weights, train.schedule) == ("", "constant"), "ImageNet's weights, where there are any"


@pytest.mark.parametrize("name", EXPECTED)
def test_data_and_gate_are_those_of_the_plain_configuration(name: str) -> None:
    config = reproduction(name)
    plain = load_config(PLAIN[config.data.dataset])

    assert config.data == plain.data
    assert config.gate == plain.gate


def test_a_second_phase_is_there_where_the_backbone_was_trained() -> None:
    phases = {name: reproduction(name).train.fine_tuning for name in EXPECTED}

    assert {name for name, phase in phases.items() if phase} == {"densenet201", "vgg16_fine_tuned"}
    assert phases["densenet201"] == FineTuningSettings(
        epochs=20, learning_rate=1e-4, patience=20, from_layer="conv1_conv"
    )
    assert phases["vgg16_fine_tuned"] == FineTuningSettings(
        epochs=10, learning_rate=1e-5, patience=10, from_layer="block4_conv1"
    )


def test_a_fixed_number_of_epochs_is_not_cut_short() -> None:
    for name in EXPECTED.keys() - {"cnn_mias"}:
        train = reproduction(name).train
        assert train.patience >= train.epochs

    assert (reproduction("cnn_mias").train.monitor, reproduction("cnn_mias").train.patience) == ("val_loss", 3)


def test_the_rotated_copies_of_mias_are_drawn_while_training() -> None:
    augmentation = reproduction("cnn_mias").train.augmentation.model_dump(exclude={"preset"})

    assert augmentation == {
        "horizontal_flip": True,
        "vertical_flip": False,
        "rotation_degrees": 180,
        "rotation_step_degrees": 2,
        "translation": 0.02,
        "zoom": 0,
        "brightness": 0.05,
        "contrast": 0.05,
    }


def test_test_time_views_are_averaged_where_they_were() -> None:
    assert {name: reproduction(name).prediction.views for name in EXPECTED} == dict.fromkeys(EXPECTED, 1) | {
        "densenet201": 8
    }


def test_runs_of_reproductions_do_not_share_a_folder_with_others() -> None:
    names = [load_config(name).name for name in shipped_configs()]

    assert len(set(names)) == len(names)


def test_the_page_has_each_of_them_with_its_command() -> None:
    page = (ROOT / "docs" / "reproductions.md").read_text()
    rows = re.findall(
        r"^\| `reproductions/(\w+)` \| `(\w+)`, (\d+) x (\d+)(?:, grey)?(?:, head `(\w+)`)?", page, re.M
    )

    assert [row[0] for row in rows if row[0] in EXPECTED] == [row[0] for row in rows]
    assert {name: (model, head, (int(height), int(width))) for name, model, height, width, head in rows} == {
        name: (model, head, size) for name, (_, model, head, size, *_) in EXPECTED.items()
    }
    folder = {"mammogram": "mammograms"}
    for name, (dataset, *_) in EXPECTED.items():
        command = f"    breast-imaging run --config {FOLDER}{name} --data path/to/{folder.get(dataset, dataset)}\n"
        assert command in page


def mammograms() -> dict[str, bytes | str]:
    return {
        f"{label}/Mass-Training_P_{number + shift:05d}_LEFT_CC.png": encode(pictures.film(number + shift), "PNG")
        for label, shift in (("benign", 100), ("malignant", 200))
        for number in range(PATIENTS)
    }


def busi() -> dict[str, bytes | str]:
    return {
        f"Dataset_BUSI_with_GT/{label}/{label} ({number + 1}).png": encode(pictures.texture(number + shift), "PNG")
        for label, shift in (("normal", 0), ("benign", 100), ("malignant", 200))
        for number in range(PATIENTS)
    }


def mias() -> dict[str, bytes | str]:
    """Two films of each woman; every second woman has a finding in both."""
    films: dict[str, bytes | str] = {}
    rows = []
    for number in range(1, 4 * PATIENTS + 1):
        films[f"mdb{number:03d}.pgm"] = netpbm(pictures.film(number), 255)
        rows.append(f"mdb{number:03d} G {'NORM' if (number - 1) // 2 % 2 else 'CIRC B 30 30 9'}\n")
    return films | {"Info.txt": "".join(rows)}


IMAGES = {"mammogram": mammograms, "busi": busi, "mias": mias}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with the images of a data set; runs on one data set share it, and so the cache."""
    made: dict[str, Path] = {}

    def of(dataset: str) -> Path:
        if dataset not in made:
            made[dataset] = tmp_path_factory.mktemp(dataset)
            write_files(made[dataset] / "images", IMAGES[dataset]())
        return made[dataset]

    return of


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Overrides that name a file of untrained weights of a backbone, which takes the place of ImageNet's."""
    made: dict[str, list[str]] = {}

    def of(architecture: str) -> list[str]:
        if architecture not in made:
            path = tmp_path_factory.mktemp(architecture) / "base.weights.h5"
            _small_base(architecture).save_weights(path)
            checksum = hashlib.sha256(path.read_bytes()).hexdigest()
            made[architecture] = [f"model.weights={path}", f"model.weights_sha256={checksum}"]
        return made[architecture]

    return of


def _small_base(architecture: str) -> Any:
    import keras

    backbone = get_model(architecture).backbone
    assert backbone is not None
    keras.utils.set_random_seed(0)
    return build_base(backbone, ModelSettings(), InputShape(SIDE, SIDE, 3))


def _run(name: str, folder: Path, *overrides: str) -> Outcome:
    return Runner(Path(FOLDER + name), folder / "output").run(
        folder / "images",
        f"model.image_size=[{SIDE}, {SIDE}]",
        "train.epochs=1",
        "train.feature_views=1",
        "gate.minimum_auc=0",
        "gate.minimum_recall=0",
        "gate.maximum_auc_drop=1",
        "gate.maximum_recall_drop=1",
        "serving.model_name=small",
        "beam.workers=1",
        *overrides,
    )


def _assert_published(outcome: Outcome) -> None:
    assert outcome.blessed is True
    assert outcome.versions[-1] == outcome.published


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", "cnn_mias"])
def test_a_network_from_scratch_runs_to_the_end(name: str, folder: Callable[[str], Path]) -> None:
    outcome = _run(name, folder(EXPECTED[name][0]))

    _assert_published(outcome)
    assert "FeatureExtractor" not in outcome.executed


@pytest.mark.slow
def test_densenet121_runs_to_the_end_on_three_classes(
    folder: Callable[[str], Path], weights: Callable[[str], list[str]]
) -> None:
    outcome = _run("densenet121", folder("busi"), *weights("densenet121"))

    _assert_published(outcome)
    assert "FeatureExtractor" in outcome.executed
    assert [len(row) for row in outcome.summary["clinical"]["operating_point"]["confusion"]] == [3, 3, 3]


@pytest.mark.slow
def test_vgg16_is_fine_tuned_and_its_features_serve_another_head(
    folder: Callable[[str], Path], weights: Callable[[str], list[str]]
) -> None:
    tuned = _run("vgg16_fine_tuned", folder("mammogram"), *weights("vgg16"), "train.fine_tuning.epochs=1")
    pooled = _run("vgg16_gap", folder("mammogram"), *weights("vgg16"))

    _assert_published(tuned)
    _assert_published(pooled)
    assert "FeatureExtractor" in tuned.executed
    assert {"FeatureExtractor", "Transform"} <= set(pooled.cached)


@pytest.mark.slow
def test_the_head_of_resnet50_learns_from_its_features() -> None:
    """Not by a run, which would be one of VGG16's but for the backbone, and slower."""
    config, network = _small_network("resnet50")
    assert network.base is not None
    network.head.compile(optimizer=config.train.optimizer, loss="binary_crossentropy")
    before = network.head.get_weights()

    history = network.head.fit(network.base(noise(4, SIDE, SIDE, 3)), np.array([0.0, 1.0, 0.0, 1.0]), verbose=0)

    assert np.isfinite(history.history["loss"]).all()
    assert not np.array_equal(network.head.get_weights()[-2], before[-2])
    assert network.whole(noise(4, SIDE, SIDE, 3)).shape == (4, 1)


@pytest.mark.slow
def test_all_layers_of_densenet201_are_trained() -> None:
    """Not by a run: to build the graph of its gradients alone takes minutes."""
    import tensorflow as tf

    from components.trainer.phases import unfreeze

    config, network = _small_network("densenet201")
    assert network.base is not None
    assert config.train.fine_tuning is not None

    unfreeze(network, get_model("densenet201"), config.train.fine_tuning)

    trained = network.base.trainable_weights
    assert len(trained) == len([weight for weight in network.base.weights if "moving_" not in weight.path])
    assert sum(int(np.prod(weight.shape)) for weight in trained) == 18_092_928
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network.whole(noise(2, SIDE, SIDE, 3), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in network.whole.trainable_weights])
    assert all(gradient is not None for gradient in gradients)


def _small_network(name: str) -> tuple[Config, Network]:
    """Of a configuration, untrained."""
    config = reproduction(name, f"model.image_size=[{SIDE}, {SIDE}]")
    spec = get_model(config.model.architecture)
    return config, spec.build(config.model, spec.input_shape(config.model), len(config.data.labels))
