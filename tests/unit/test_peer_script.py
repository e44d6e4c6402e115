"""The plain Keras script: what it learns from, what it trains, what it writes."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from benchmarks import peer_script
from benchmarks.random_split import split_at_random
from components.models import cnn
from components.models.spec import InputShape
from components.settings import AugmentationSettings, ModelSettings
from components.trainer.augmentation import augmentation

CLASSES = ("benign", "malignant")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six bright and six dark images of 24 pixels, with a mask among them."""
    root = tmp_path / "images"
    for label, brightness in zip(CLASSES, (200, 60), strict=True):
        (root / label).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (30, 20), brightness + number).save(root / label / f"{number}.png")
    Image.new("L", (30, 20)).save(root / "benign" / "0_mask.png")
    return root


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def test_trains_on_twelve_images_and_writes_what_it_found(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    words = [str(images), "--positive", "malignant", "--side", "24", "--epochs", "1", "--output", str(output)]
    monkeypatch.setattr("sys.argv", ["peer_script", *words])
    peer_script.main()
    splits = peer_script.read_splits(output / peer_script.SPLITS_FILE)
    assert Counter((path.split("/")[0], split) for path, split in splits.items()) == {
        (label, split): count for label in CLASSES for split, count in (("train", 4), ("eval", 1), ("test", 1))
    }
    answers = rows_of(output / peer_script.PREDICTIONS_FILE)
    assert sorted(row["path"] for row in answers) == sorted(path for path, split in splits.items() if split == "test")
    probabilities = np.array([[float(row[label]) for label in CLASSES] for row in answers])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    truth = np.array([CLASSES.index(row["path"].split("/")[0]) for row in answers])
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["accuracy"] == np.mean(probabilities.argmax(axis=1) == truth)
    model = keras.models.load_model(output / "model.keras")
    pixels = np.stack([peer_script.read_image(images / row["path"], 24) for row in answers])
    np.testing.assert_allclose(model.predict(pixels, verbose=0)[:, 0], probabilities[:, 1], atol=1e-5)


def test_masks_are_no_images(images: Path) -> None:
    paths = peer_script.list_images(images, CLASSES)
    assert paths == [f"{label}/{number}.png" for label in CLASSES for number in range(6)]


def test_takes_a_split_that_it_is_given(tmp_path: Path) -> None:
    table, paths = tmp_path / "given.csv", ["benign/1.png", "benign/2.png", "malignant/3.png"]
    given = {"benign/1.png": "train", "malignant/3.png": "test"}
    peer_script.write_table(table, ("path", "split"), [*given.items(), ("benign/4.png", "eval")])
    assert peer_script.choose_splits(paths, table, seed=0) == given


def test_splits_differ_by_seed_and_keep_the_shares_of_each_class() -> None:
    labels = {f"{label}/{number}.png": label for label in CLASSES for number in range(20)}
    splits = [split_at_random(labels, seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    counts = Counter((labels[path], split) for path, split in splits[2].items())
    assert counts == {
        (label, split): n for label in CLASSES for split, n in (("train", 14), ("eval", 3), ("test", 3))
    }


@pytest.mark.parametrize("classes", [2, 3])
def test_network_and_augmentation_are_those_of_the_pipeline(classes: int) -> None:
    network = cnn.build(ModelSettings(), InputShape(24, 24, 3), classes).whole
    changes = augmentation(AugmentationSettings(), seed=0)
    script = peer_script.build_model(24, classes)
    assert [described(layer) for layer in script.layers] == [
        described(layer)
        for layer in (*changes.layers, *network.layers)
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    assert script.count_params() == network.count_params()


def described(layer: keras.layers.Layer) -> tuple[str, dict[str, Any]]:
    """Without what names it, and without its seed."""
    config = {key: value for key, value in layer.get_config().items() if key not in ("name", "seed")}
    return type(layer).__name__, config


def test_figures_are_those_of_the_positive_class() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2]])
    metrics = peer_script.evaluate(np.array([0, 0, 1, 1]), probabilities, positive=1)
    assert metrics == {"accuracy": 0.5, "auc": 0.75, "sensitivity": 0.5}
