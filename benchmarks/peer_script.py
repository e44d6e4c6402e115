"""A plain Keras script, as earlier projects on such data wrote theirs: from a folder of images to a tested model.

    python -m benchmarks.peer_script path/to/images --positive malignant --side 96 --epochs 20 --output peer

It is what `benchmarks.peer` compares the pipeline with, and is written as well as such scripts are: seeded,
stratified, with a validation part that chooses the epoch and a test part that chooses nothing, weighted classes,
augmentation of training images only, lesion masks left out. The network and its training are those of the
pipeline's `cnn`.

What it does not do: split by patient; look for near-duplicates, wrong labels, broken or cut-off images; keep what it
trained on; choose an operating point; state intervals; refuse a model that is not good enough; compare it with the
one before; export what TensorFlow Serving can run (the model takes decoded, resized arrays); take up again what was
interrupted; publish.
"""

import argparse
import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight

from benchmarks.random_split import TEST, TRAIN, VALIDATION, split_at_random

SPLITS_FILE = "splits.csv"
PREDICTIONS_FILE = "predictions.csv"
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}

Paths = Sequence[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with one folder of images for each class")
    parser.add_argument("--positive", required=True, help="the class whose sensitivity counts")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--splits", type=Path, help="table of path and split; by default the split is random")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(arguments.seed)

    classes = sorted(folder.name for folder in arguments.data.iterdir() if folder.is_dir())
    split_of = choose_splits(list_images(arguments.data, classes), arguments.splits, arguments.seed)
    paths = sorted(split_of)
    labels = np.array([classes.index(class_of(path)) for path in paths])
    images = np.stack([read_image(arguments.data / path, arguments.side) for path in paths])
    split = np.array([split_of[path] for path in paths])

    model = build_model(arguments.side, len(classes))
    train(model, images, labels, split, arguments.epochs, arguments.batch_size, arguments.learning_rate)
    test = split == TEST
    probabilities = class_probabilities(model.predict(images[test], verbose=0))
    tested = [path for path, chosen in zip(paths, test, strict=True) if chosen]

    arguments.output.mkdir(parents=True, exist_ok=True)
    model.save(arguments.output / "model.keras")
    write_table(arguments.output / SPLITS_FILE, ["path", "split"], zip(paths, split, strict=True))
    rows = [[path, *row] for path, row in zip(tested, probabilities.tolist(), strict=True)]
    write_table(arguments.output / PREDICTIONS_FILE, ["path", *classes], rows)
    metrics = evaluate(labels[test], probabilities, classes.index(arguments.positive))
    (arguments.output / "metrics.json").write_text(json.dumps(metrics, indent=2))
    print(metrics)


def list_images(root: Path, classes: Sequence[str]) -> list[str]:
    """Paths below the root, `<class>/...`, without lesion masks (`..._mask.png`, `..._mask_1.png`)."""
    found = (path for name in classes for path in (root / name).rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path.relative_to(root).as_posix() for path in found if "_mask" not in path.stem)


def class_of(path: str) -> str:
    return path.partition("/")[0]


def choose_splits(paths: Paths, table: Path | None, seed: int) -> dict[str, str]:
    """Those of a table, where there is one, without the images that it does not name."""
    if table is None:
        return split_at_random({path: class_of(path) for path in paths}, seed)
    given = read_splits(table)
    return {path: given[path] for path in paths if path in given}


def read_splits(table: Path) -> dict[str, str]:
    with table.open(newline="") as file:
        return {row["path"]: row["split"] for row in csv.DictReader(file)}


def read_image(path: Path, side: int) -> NDArray[np.uint8]:
    """(side, side, 3)"""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def build_model(side: int, classes: int) -> keras.Sequential:
    """Three convolutions and a hidden layer; two classes end in one sigmoid, more in a softmax."""
    output = keras.layers.Dense(1, "sigmoid") if classes == 2 else keras.layers.Dense(classes, "softmax")
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
            keras.layers.RandomTranslation(0.05, 0.05, fill_mode="constant"),
            keras.layers.RandomZoom(0.1, fill_mode="constant"),
            keras.layers.RandomBrightness(0.1, (0, 255)),
            keras.layers.RandomContrast((0.1, 0.1), (0, 255)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.5),
            output,
        ]
    )


def train(
    model: keras.Sequential,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    split: NDArray[np.str_],
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> None:
    """Ends with the weights of the epoch that was best on the validation part."""
    learnt, validation = split == TRAIN, split == VALIDATION
    binary = model.output_shape[-1] == 1
    model.compile(
        keras.optimizers.Adam(learning_rate),
        "binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")] if binary else ["accuracy"],
    )
    weights = compute_class_weight("balanced", classes=np.unique(labels[learnt]), y=labels[learnt])
    best = keras.callbacks.EarlyStopping(
        "val_auc" if binary else "val_loss",
        mode="max" if binary else "min",
        patience=epochs,
        restore_best_weights=True,
    )
    model.fit(
        images[learnt],
        labels[learnt],
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(images[validation], labels[validation]),
        class_weight=dict(enumerate(weights)),
        callbacks=[best],
        verbose=2,
    )


def class_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """(images, classes), from those or from (images, 1) of the second of two classes."""
    outputs = outputs.astype(np.float64)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def evaluate(labels: NDArray[np.int64], probabilities: NDArray[np.float64], positive: int) -> dict[str, float]:
    decided = probabilities.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(labels, decided)),
        "auc": float(roc_auc_score(labels == positive, probabilities[:, positive])),
        "sensitivity": float(recall_score(labels == positive, decided == positive)),
    }


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
