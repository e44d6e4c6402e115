"""Ingestion as TFX runs it: every feature by value, splits, manifest, and the same bytes from the same files."""

import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.datasets.busi import DATASET as BUSI
from components.image_example_gen.planning import DROPPED_FOR_CONFLICT
from schema import contract
from schema.errors import DataRejectedError
from tests import images
from tests.ingestion import Ingested, ingest, run_data_gate, value

LABELS = ("malignant", "benign", "normal")  # an order that sorting would not give
PATIENTS = 6
IMAGES_PER_PATIENT = 2
IMAGES_PER_SHARD = 5


@dataclass(frozen=True)
class Picture:
    """A file, and what must become of it."""

    file: bytes
    pixels: NDArray[Any]
    bit_depth: int
    group: str = ""


def _picture(number: int) -> Picture:
    """Pictures of six kinds in turn, each of another size."""
    height, width = 16 + number, 40 - number % 20
    grey, deep = images.noise(height, width, seed=number), images.noise(height, width, seed=number, values=2**16)
    rgb = images.noise(height, width, 3, seed=number)
    kinds = [
        lambda: Picture(images.png(grey, 8, images.GREY), grey, 8),
        lambda: Picture(images.png(deep, 16, images.GREY), deep, 16),
        lambda: Picture(images.encode(rgb, "BMP"), rgb, 8),
        lambda: Picture(images.tiff(deep, byte_order=">"), deep, 16),
        lambda: Picture(images.netpbm(grey, 255), grey, 8),
        lambda: Picture(images.encode(grey > 127, "PNG"), ((grey > 127) * 255).astype(np.uint8), 1),
    ]
    return kinds[number % len(kinds)]()


def _data_set() -> dict[str, Picture]:
    """By path; suffixes are those of the first kind, as only the content counts."""
    data_set = {}
    for position, label in enumerate(sorted(LABELS)):
        for patient in range(PATIENTS):
            for number in range(IMAGES_PER_PATIENT):
                picture = _picture((position * PATIENTS + patient) * IMAGES_PER_PATIENT + number)
                path = f"{label}/deeper {patient}/image ({number}).png"
                data_set[path] = Picture(
                    picture.file, picture.pixels, picture.bit_depth, f"patient-{label}-{patient}"
                )
    return data_set


DATA_SET = _data_set()


def _write(root: Path) -> Path:
    groups = images.groups_csv({path: picture.group for path, picture in DATA_SET.items()})
    files: dict[str, bytes | str] = {path: picture.file for path, picture in DATA_SET.items()}
    return images.write_files(root, files | {"groups.csv": groups})


def _ingest(data: Path, output: Path, workers: int = 1, **settings: Any) -> Ingested:
    return ingest(data, output, workers=workers, labels=LABELS, images_per_shard=IMAGES_PER_SHARD, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def ingested(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return _ingest(folder, tmp_path_factory.mktemp("ingested"))


# The examples


def test_every_image_is_in_one_split_once(ingested: Ingested) -> None:
    sources = [source for split in contract.SPLITS for source in ingested.sources(split)]

    assert sorted(sources) == sorted(DATA_SET)


def test_every_feature_of_every_example(ingested: Ingested) -> None:
    for split in contract.SPLITS:
        for example in ingested.examples(split):
            source = value(example, contract.SOURCE).decode()
            picture, label = DATA_SET[source], source.split("/")[0]
            scaled = picture.pixels / np.iinfo(picture.pixels.dtype).max
            channels = 3 if picture.pixels.ndim == 3 else 1
            expected = {
                contract.IMAGE_FORMAT: b"png",
                contract.IMAGE_HEIGHT: picture.pixels.shape[0],
                contract.IMAGE_WIDTH: picture.pixels.shape[1],
                contract.IMAGE_CHANNELS: channels,
                contract.IMAGE_BIT_DEPTH: picture.bit_depth,
                contract.IMAGE_MEAN: pytest.approx(scaled.mean(), abs=1e-6),
                contract.IMAGE_STD: pytest.approx(scaled.std(), abs=1e-6),
                contract.LABEL: label.encode(),
                contract.LABEL_INDEX: LABELS.index(label),
                contract.GROUP: picture.group.encode(),
                contract.SOURCE: source.encode(),
            }
            encoded = value(example, contract.IMAGE_ENCODED)
            assert {key: value(example, key) for key in expected} == expected
            assert set(example.features.feature) == {*expected, contract.IMAGE_ENCODED}
            decoded = tf.io.decode_png(encoded, dtype=tf.as_dtype(picture.pixels.dtype)).numpy()
            np.testing.assert_array_equal(decoded, picture.pixels.reshape(decoded.shape))
            assert decoded.shape[-1] == channels


def test_files_are_shards_of_the_size_asked_for(ingested: Ingested) -> None:
    for split in contract.SPLITS:
        shards = ingested.shards(split)
        full, rest = divmod(len(ingested.sources(split)), IMAGES_PER_SHARD)
        number = full + bool(rest)
        assert [path.name for path in shards] == [f"images-{n:05d}-of-{number:05d}.tfrecord" for n in range(number)]
        sizes = [sum(1 for _ in tf.data.TFRecordDataset(str(path))) for path in shards]
        assert sizes == [IMAGES_PER_SHARD] * full + [rest] * bool(rest)
    assert len(ingested.shards(contract.TRAIN)) > 1


def test_classes_are_mixed_within_the_files(ingested: Ingested) -> None:
    labels = [source.split("/")[0] for source in ingested.sources(contract.TRAIN)]

    assert labels != sorted(labels)
    assert set(labels[:IMAGES_PER_SHARD]) != {labels[0]}


def test_tfx_knows_splits_and_format(ingested: Ingested) -> None:
    artifact = ingested.examples_artifact

    assert artifact_utils.decode_split_names(artifact.split_names) == ["train", "eval", "test"]
    assert examples_utils.get_payload_format(artifact) == example_gen_pb2.FORMAT_TF_EXAMPLE
    assert artifact_utils.get_split_uri([artifact], "eval") == str(ingested.directory / "Split-eval")


# The splits


def test_no_group_is_in_two_splits_and_every_class_is_in_each(ingested: Ingested) -> None:
    splits_of_group = defaultdict(set)
    patients: Counter[tuple[str, str]] = Counter()
    for split in contract.SPLITS:
        for source in ingested.sources(split):
            splits_of_group[DATA_SET[source].group].add(split)
    for group, splits in splits_of_group.items():
        assert len(splits) == 1, group
        patients[group.split("-")[1], next(iter(splits))] += 1

    assert len(splits_of_group) == len(LABELS) * PATIENTS
    assert patients == {
        (label, split): count
        for label in LABELS
        for split, count in {contract.TRAIN: 4, contract.EVAL: 1, contract.TEST: 1}.items()
    }


def test_shares_are_those_asked_for(folder: Path, tmp_path: Path) -> None:
    ingested = _ingest(folder, tmp_path, split={"train": 0.34, "eval": 0.33, "test": 0.33})

    assert [len(ingested.sources(split)) for split in contract.SPLITS] == [12, 12, 12]


def test_another_seed_gives_another_split_and_another_order(folder: Path, ingested: Ingested, tmp_path: Path) -> None:
    other = _ingest(folder, tmp_path, seed=1)

    assert {source: entry.split for source, entry in other.manifest().items()} != {
        source: entry.split for source, entry in ingested.manifest().items()
    }
    both = set(other.sources(contract.TRAIN)) & set(ingested.sources(contract.TRAIN))
    orders = [[source for source in run.sources(contract.TRAIN) if source in both] for run in (other, ingested)]
    assert len(both) > IMAGES_PER_SHARD
    assert orders[0] != orders[1]


# The manifest


def test_manifest_by_value(ingested: Ingested) -> None:
    split_of = {source: split for split in contract.SPLITS for source in ingested.sources(split)}
    expected = [
        {
            "source": source,
            "label": source.split("/")[0],
            "group": picture.group,
            "split": split_of[source],
            "sha256": hashlib.sha256(picture.file).hexdigest(),
            "pixel_sha256": hashlib.sha256(
                f"{picture.pixels.dtype}{picture.pixels.shape}".encode() + picture.pixels.tobytes()
            ).hexdigest(),
            "height": str(picture.pixels.shape[0]),
            "width": str(picture.pixels.shape[1]),
            "channels": "3" if picture.pixels.ndim == 3 else "1",
            "bit_depth": str(picture.bit_depth),
            "dropped": "",
            "grouped_by": "patient",
        }
        for source, picture in sorted(DATA_SET.items())
    ]

    text = (ingested.manifest_directory / "manifest.csv").read_text("utf-8")

    assert list(csv.DictReader(io.StringIO(text))) == expected
    assert len(text.splitlines()) == len(DATA_SET) + 1
    assert [path.name for path in ingested.manifest_directory.iterdir()] == ["manifest.csv"]


# The same bytes


def test_the_number_of_workers_changes_no_byte(folder: Path, ingested: Ingested, tmp_path: Path) -> None:
    expected = ingested.files()
    assert len(expected) >= 5

    for workers in (1, 2, 4):
        assert _ingest(folder, tmp_path / str(workers), workers).files() == expected


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(folder: Path, ingested: Ingested, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.component.test_image_example_gen import _ingest
_ingest(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", program, str(folder), str(tmp_path)]
    subprocess.run(arguments, cwd=root, env=os.environ | {"PYTHONHASHSEED": "7"}, check=True, capture_output=True)

    written = {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for directory in (tmp_path / "examples", tmp_path / "manifest")
        for path in directory.rglob("*")
        if path.is_file()
    }
    assert written == ingested.files()


def test_place_order_and_times_of_the_files_change_no_byte(ingested: Ingested, tmp_path: Path) -> None:
    copy = _write(tmp_path / "another place")
    for number, path in enumerate(sorted((path for path in copy.rglob("*") if path.is_file()), reverse=True)):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))

    assert _ingest(copy, tmp_path / "output").files() == ingested.files()


def test_a_changed_image_changes_its_example(folder: Path, ingested: Ingested, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "data")
    changed = "benign/deeper 0/image (0).png"
    (tmp_path / "data" / changed).write_bytes(images.encode(images.noise(20, 20, seed=99), "PNG"))

    entries = _ingest(tmp_path / "data", tmp_path / "output").manifest()

    before = ingested.manifest()
    assert [source for source in entries if entries[source] != before[source]] == [changed]
    assert entries[changed].split == before[changed].split


def test_findings_stay_with_their_images_across_batches(tmp_path: Path) -> None:
    files = {
        f"{label}/{number:03d}.png": images.encode(images.noise(16, 16, seed=number + 1000 * position), "PNG")
        for position, label in enumerate(("benign", "malignant"))
        for number in range(75)
    }
    groups = images.groups_csv({path: path for path in files})
    data = images.write_files(tmp_path / "data", files | {"groups.csv": groups})

    entries = ingest(data, tmp_path / "output", workers=4).manifest()

    assert {source: entry.sha256 for source, entry in entries.items()} == {
        path: hashlib.sha256(file).hexdigest() for path, file in files.items()
    }


# Images of one content


def _with_conflict(root: Path) -> Path:
    """Four patients a class; one image is filed under both classes, once as PNG and once as BMP."""
    files: dict[str, bytes | str] = {}
    for position, label in enumerate(("benign", "malignant")):
        for number in range(4):
            files[f"{label}/{number}.png"] = images.encode(images.noise(20, 20, seed=10 * position + number), "PNG")
    twice = images.noise(20, 20, seed=100)
    files["benign/twice.png"] = images.encode(twice, "PNG")
    files["malignant/also.bmp"] = images.encode(twice, "BMP")
    groups = {path: f"patient of {path}" for path in files}
    groups["benign/twice.png"] = groups["malignant/also.bmp"] = "patient twice"
    return images.write_files(root, files | {"groups.csv": images.groups_csv(groups)})


CONFLICTING = ["benign/twice.png", "malignant/also.bmp"]


def test_images_with_two_labels_are_dropped_on_request(tmp_path: Path) -> None:
    ingested = ingest(_with_conflict(tmp_path / "data"), tmp_path / "output", label_conflicts="drop")

    entries = ingested.manifest()
    assert len(entries) == 10
    assert [source for source, entry in entries.items() if entry.dropped] == CONFLICTING
    assert {(entries[source].dropped, entries[source].split) for source in CONFLICTING} == {
        (DROPPED_FOR_CONFLICT, "")
    }
    assert DROPPED_FOR_CONFLICT == "the same picture carries different labels"
    written = [source for split in contract.SPLITS for source in ingested.sources(split)]
    assert sorted(written) == sorted(set(entries) - set(CONFLICTING))
    assert run_data_gate(ingested, tmp_path / "gate") == {"groups": []}


def test_images_with_two_labels_stop_the_run_at_the_data_gate(tmp_path: Path) -> None:
    ingested = ingest(_with_conflict(tmp_path / "data"), tmp_path / "output", label_conflicts="fail")

    entries = ingested.manifest()
    assert [entry.dropped for entry in entries.values()] == [""] * 10
    assert entries[CONFLICTING[0]].pixel_sha256 == entries[CONFLICTING[1]].pixel_sha256
    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(ingested, tmp_path / "gate")
    assert caught.value.reasons == (
        "label_conflicts: same picture, different labels: benign/twice.png (benign), malignant/also.bmp (malignant)",
    )
    assert "--set data.label_conflicts=drop" in caught.value.fix
    assert not (tmp_path / "gate" / "notes.json").exists()


def test_without_groups_copies_of_an_image_stay_together(tmp_path: Path) -> None:
    pictures = {
        f"{label}/{number}.png": images.blocks(96, 128, seed=20 * position + number)
        for position, label in enumerate(("benign", "malignant"))
        for number in range(8)
    }
    files = {path: images.encode(picture, "PNG") for path, picture in pictures.items()}
    files["benign/z copy.bmp"] = images.encode(pictures["benign/5.png"], "BMP")
    files["benign/z small.png"] = images.encode(Image.fromarray(pictures["benign/6.png"]).resize((96, 72)), "PNG")
    data = images.write_files(tmp_path / "data", files)

    entries = ingest(data, tmp_path / "output").manifest()

    groups = {source: entry.group for source, entry in entries.items()}
    assert groups["benign/z copy.bmp"] == groups["benign/5.png"] == "like:benign/5.png"
    assert groups["benign/z small.png"] == groups["benign/6.png"] == "like:benign/6.png"
    assert len({groups[path] for path in pictures}) == len(pictures)
    assert entries["benign/z copy.bmp"].split == entries["benign/5.png"].split
    assert entries["benign/z small.png"].split == entries["benign/6.png"].split


# BUSI


def test_busi_layout_is_read_without_its_masks(tmp_path: Path) -> None:
    files = {}
    for position, label in enumerate(BUSI.labels):
        for number in range(1, 5):
            stem = f"Dataset_BUSI_with_GT/{label}/{label} ({number})"
            picture = images.blocks(96, 128, seed=10 * position + number)
            files[f"{stem}.png"] = images.encode(picture, "PNG")
            files[f"{stem}_mask.png"] = images.encode(images.noise(96, 128, seed=number) > 127, "PNG")
    files["Dataset_BUSI_with_GT/benign/benign (1)_mask_1.png"] = b"a mask is never opened"
    data = images.write_files(tmp_path / "data", files)

    ingested = ingest(
        data, tmp_path / "output", dataset="busi", labels=BUSI.labels, positive_label=BUSI.positive_label
    )

    sources = sorted(source for split in contract.SPLITS for source in ingested.sources(split))
    assert sources == sorted(
        f"Dataset_BUSI_with_GT/{label}/{label} ({number}).png" for label in BUSI.labels for number in range(1, 5)
    )
    assert {entry.label for entry in ingested.manifest().values()} == {"normal", "benign", "malignant"}
    assert {entry.group for entry in ingested.manifest().values()} == {f"like:{source}" for source in sources}


# The data gate on what was ingested


def test_the_data_gate_passes_sound_data(ingested: Ingested, tmp_path: Path) -> None:
    assert run_data_gate(ingested, tmp_path, LABELS) == {"groups": []}


def test_the_data_gate_stops_on_an_anomaly_of_tfdv(ingested: Ingested, tmp_path: Path) -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["image/mean"].description = "Unexpectedly high value: 3."

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(ingested, tmp_path, LABELS, anomalies)

    assert caught.value.reasons == tuple(
        f"schema: split '{split}', feature 'image/mean': Unexpectedly high value: 3." for split in contract.SPLITS
    )


def test_the_data_gate_stops_on_leakage_and_on_a_missing_class(ingested: Ingested, tmp_path: Path) -> None:
    changed = tmp_path / "manifest"
    shutil.copytree(ingested.manifest_directory, changed)
    rows = list(csv.DictReader(io.StringIO((changed / "manifest.csv").read_text())))
    train = next(row for row in rows if row["split"] == "train" and row["label"] == "normal")
    same_group = [row for row in rows if row["group"] == train["group"]]
    assert len(same_group) == IMAGES_PER_PATIENT
    same_group[0]["split"] = "test"
    for row in rows:
        if row["label"] == "benign" and row["split"] == "eval":
            row["split"] = "train"
    with (changed / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(Ingested(ingested.examples_artifact, changed), tmp_path / "gate", LABELS)

    assert caught.value.reasons == (
        f"leakage: group '{train['group']}' is in the splits test, train",
        "classes: no image of class 'benign' in split 'eval'",
    )
