"""Ingestion as TFX runs it: every feature by value, splits, manifest, and the same bytes from the same files."""

import csv
import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.datasets.busi import DATASET as BUSI
from components.image_example_gen import whole_files
from components.image_example_gen.size_bands import size_band
from components.manifest import ManifestEntry, write_manifest
from components.settings import CheckSettings
from schema import contract
from schema.errors import DataRejectedError
from tests import images
from tests.component import pictures
from tests.ingestion import Ingested, findings_of, ingest, run_data_gate, value

LABELS = ("malignant", "benign", "normal")  # an order that sorting would not give
PATIENTS = 6
IMAGES_PER_PATIENT = 2
IMAGES_PER_SHARD = 5
SETTINGS_OF_CHECKS = {"skew_limit", "drift_limit", "minimum_images_per_class"}


@dataclass(frozen=True)
class Picture:
    """A file, and what must become of it."""

    file: bytes
    pixels: NDArray[Any]
    bit_depth: int
    group: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


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
    """By path; suffixes are those of the first kind, as only the content counts. Some images have attributes."""
    data_set = {}
    for position, label in enumerate(sorted(LABELS)):
        for patient in range(PATIENTS):
            for number in range(IMAGES_PER_PATIENT):
                picture = _picture((position * PATIENTS + patient) * IMAGES_PER_PATIENT + number)
                path = f"{label}/deeper {patient}/image ({number}).png"
                data_set[path] = replace(
                    picture, group=f"patient-{label}-{patient}", attributes=_attributes(patient, number)
                )
    return data_set


def _attributes(patient: int, number: int) -> dict[str, str]:
    if patient == 0:
        return {name: f"{name} of {number}" for name in contract.ATTRIBUTES}
    if patient == 1:
        return {contract.VIEW: "CC", contract.SITE: "Klinikum Süd"}
    return {}


DATA_SET = _data_set()


def _write(root: Path) -> Path:
    files: dict[str, bytes | str] = {path: picture.file for path, picture in DATA_SET.items()}
    return images.write_files(root, files | {"manifest.csv": _table()})


def _table() -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ["path", "label", "group", *contract.ATTRIBUTES])
    writer.writeheader()
    for path, picture in DATA_SET.items():
        writer.writerow({"path": path, "label": _label(path), "group": picture.group, **picture.attributes})
    return buffer.getvalue()


def _label(path: str) -> str:
    return path.split("/", maxsplit=1)[0]


def _ingest(data: Path, output: Path, workers: int = 1, **settings: Any) -> Ingested:
    values = {"dataset": "csv", "labels": LABELS, "images_per_shard": IMAGES_PER_SHARD} | settings
    return ingest(data, output, workers=workers, **values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def ingested(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return _ingest(folder, tmp_path_factory.mktemp("ingested"))


# The examples


def test_every_image_is_in_one_split_once(ingested: Ingested) -> None:
    assert ingested.all_sources() == sorted(DATA_SET)


def test_every_feature_of_every_example(ingested: Ingested) -> None:
    for split in contract.SPLITS:
        for example in ingested.examples(split):
            source = value(example, contract.SOURCE).decode()
            picture, label = DATA_SET[source], _label(source)
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
                contract.IMAGE_SIZE_BAND: size_band(*picture.pixels.shape[:2]).encode(),
                contract.LABEL: label.encode(),
                contract.LABEL_INDEX: LABELS.index(label),
                contract.GROUP: picture.group.encode(),
                contract.SOURCE: source.encode(),
                **{f"attribute/{name}": text.encode() for name, text in picture.attributes.items()},
            }
            encoded = value(example, contract.IMAGE_ENCODED)
            assert {key: value(example, key) for key in expected} == expected
            assert set(example.features.feature) == {*expected, contract.IMAGE_ENCODED}
            decoded = tf.io.decode_png(encoded, dtype=tf.as_dtype(picture.pixels.dtype)).numpy()
            np.testing.assert_array_equal(decoded, picture.pixels.reshape(decoded.shape))
            assert decoded.shape[-1] == channels


def test_attributes_are_features_only_where_they_are_known(ingested: Ingested) -> None:
    known: Counter[str] = Counter()
    for split in contract.SPLITS:
        for example in ingested.examples(split):
            known.update(key for key in example.features.feature if key.startswith(contract.ATTRIBUTE_PREFIX))

    of_first = len(LABELS) * IMAGES_PER_PATIENT
    assert known == Counter(
        {f"attribute/{name}": of_first for name in ("magnification", "density", "finding", "side", "device")}
        | {f"attribute/{name}": 2 * of_first for name in ("view", "site")}
    )


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
    expected = {
        source: {
            "label": _label(source),
            "group": picture.group,
            "patient": picture.group,
            "grouped_by": "patient",
            "split": split_of[source],
            "sha256": hashlib.sha256(picture.file).hexdigest(),
            "pixel_sha256": hashlib.sha256(
                f"{picture.pixels.dtype}{picture.pixels.shape}".encode() + picture.pixels.tobytes()
            ).hexdigest(),
            "height": picture.pixels.shape[0],
            "width": picture.pixels.shape[1],
            "channels": 3 if picture.pixels.ndim == 3 else 1,
            "bit_depth": picture.bit_depth,
            "attributes": dict(picture.attributes),
            "levels": max(len(np.unique(channel)) for channel in np.moveaxis(np.atleast_3d(picture.pixels), -1, 0)),
            "fault": "",
            "unlabelled": "",
            "dropped": "",
        }
        for source, picture in DATA_SET.items()
    }

    entries = ingested.manifest()

    assert list(entries) == sorted(DATA_SET)
    assert {
        source: {name: getattr(entry, name) for name in expected[source]} for source, entry in entries.items()
    } == expected
    for source, entry in entries.items():
        _check_measures(entry, DATA_SET[source])


def _check_measures(entry: ManifestEntry, picture: Picture) -> None:
    scaled = picture.pixels / np.iinfo(picture.pixels.dtype).max
    assert entry.mean == pytest.approx(scaled.mean(), abs=1e-9)
    assert entry.std == pytest.approx(scaled.std(), abs=1e-9)
    assert entry.highest == pytest.approx(scaled.max(), abs=1e-9)
    assert (entry.two_valued == 1.0) == (picture.bit_depth == 1)
    assert picture.bit_depth == 1 or entry.markings == 0.0, "there is no dark margin"
    rim = np.ones(scaled.shape[:2], bool)
    rim[1:-1, 1:-1] = False
    grey = scaled if scaled.ndim == 2 else scaled[..., 1]
    assert entry.border == pytest.approx(np.median(grey[rim]), abs=0.2)


def test_manifest_is_a_table_with_one_line_for_each_image(ingested: Ingested) -> None:
    text = (ingested.manifest_directory / "manifest.csv").read_text("utf-8")

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["source"] for row in rows] == sorted(DATA_SET)
    assert list(rows[0]) == [column.name for column in fields(ManifestEntry)]
    assert len(text.splitlines()) == len(DATA_SET) + 1
    pairs = (ingested.manifest_directory / "similar_pairs.csv").read_text("utf-8")
    assert pairs == '"first","second","similarity","change","same_picture"\n'
    assert ingested.pairs() == []


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


def test_nothing_is_left_of_the_work_between_the_passes(folder: Path, tmp_path: Path) -> None:
    _ingest(folder, tmp_path)

    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"examples", "manifest"}


def test_no_file_is_moved_to_another_file_system(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Kubeflow outputs are in a store and the files of the work are in the container."""
    rename, moved = whole_files.fileio.rename, Counter[str]()

    def within_one_file_system(source: str, target: str, overwrite: bool = False) -> None:
        system, aim = (Path(path).relative_to(tmp_path).parts[0] for path in (source, target))
        if system != aim:
            raise OSError(errno.EXDEV, "Invalid cross-device link", source)
        moved[system] += 1
        rename(source, target, overwrite=overwrite)

    monkeypatch.setattr(whole_files.fileio, "rename", within_one_file_system)

    ingested = ingest(folder, tmp_path, images_per_shard=IMAGES_PER_SHARD)

    assert moved["examples"] == sum(len(ingested.shards(split)) for split in contract.SPLITS)
    assert sorted(path.name for path in ingested.directory.iterdir()) == sorted(
        f"Split-{split}" for split in contract.SPLITS
    )


def test_findings_stay_with_their_images_across_batches(tmp_path: Path) -> None:
    files = {
        f"{label}/{number:03d}.png": images.encode(images.noise(16, 16, seed=number + 1000 * position), "PNG")
        for position, label in enumerate(("benign", "malignant"))
        for number in range(75)
    }
    groups = images.groups_csv({path: path for path in files})
    data = images.write_files(tmp_path / "data", files | {"groups.csv": groups})

    ingested = ingest(data, tmp_path / "output", workers=4)

    assert {source: entry.sha256 for source, entry in ingested.manifest().items()} == {
        path: hashlib.sha256(file).hexdigest() for path, file in files.items()
    }
    for split in contract.SPLITS:
        for example in ingested.examples(split):
            pixels = tf.io.decode_png(value(example, contract.IMAGE_ENCODED)).numpy()[..., 0]
            assert images.encode(pixels, "PNG") == files[value(example, contract.SOURCE).decode()]


# What is selected


def test_classes_are_united_as_the_settings_say(folder: Path, tmp_path: Path) -> None:
    entries = _ingest(
        folder, tmp_path, label_map={"benign": "healthy", "normal": "healthy"}, labels=("healthy", "malignant")
    ).manifest()

    assert Counter(entry.label for entry in entries.values()) == {"healthy": 24, "malignant": 12}
    assert {entry.label for source, entry in entries.items() if _label(source) == "malignant"} == {"malignant"}


def test_a_class_that_nobody_named_is_no_class(folder: Path, tmp_path: Path) -> None:
    ingested = _ingest(folder, tmp_path, labels=("malignant", "benign"))

    entries = ingested.manifest()
    assert set(entries) == set(DATA_SET)
    assert {source: entry.unlabelled for source, entry in entries.items() if entry.unlabelled} == {
        source: "the class 'normal' is none of malignant, benign" for source in DATA_SET if _label(source) == "normal"
    }
    assert ingested.all_sources() == sorted(source for source in DATA_SET if _label(source) != "normal")


def test_images_are_selected_by_their_attributes(folder: Path, tmp_path: Path) -> None:
    ingested = _ingest(folder, tmp_path, where={"view": ["CC", "view of 0"]})

    assert ingested.all_sources() == sorted(
        source for source, picture in DATA_SET.items() if picture.attributes.get("view") in ("CC", "view of 0")
    )


def test_where_nothing_matches_the_selection_is_named(tmp_path: Path) -> None:
    files = {f"{number}.png": images.encode(images.noise(20, 24, seed=number), "PNG") for number in range(2)}
    table = "path,label,view\n0.png,benign,CC\n1.png,malignant,MLO\n"
    data = images.write_files(tmp_path / "data", files | {"manifest.csv": table})

    with pytest.raises(
        DataRejectedError, match=r"holds no image of the classes benign, malignant with .*'view'.*'XX'"
    ):
        ingest(data, tmp_path / "output", dataset="csv", where={"view": ["XX"]})


# Images of one content


def test_without_groups_copies_of_an_image_stay_together(tmp_path: Path) -> None:
    textures = {
        f"{label}/{number}.png": pictures.texture(20 * position + number)
        for position, label in enumerate(("benign", "malignant"))
        for number in range(8)
    }
    files = {path: images.encode(picture, "PNG") for path, picture in textures.items()}
    files["benign/z copy.bmp"] = images.encode(textures["benign/5.png"], "BMP")
    files["benign/z small.png"] = images.encode(pictures.rescaled(textures["benign/6.png"], 0.75), "PNG")
    data = images.write_files(tmp_path / "data", files)

    ingested = ingest(data, tmp_path / "output")

    entries = ingested.manifest()
    groups = {source: entry.group for source, entry in entries.items()}
    assert groups["benign/z copy.bmp"] == groups["benign/5.png"] == "like:benign/5.png"
    assert groups["benign/z small.png"] == groups["benign/6.png"] == "like:benign/6.png"
    assert len({groups[path] for path in textures}) == len(textures)
    assert entries["benign/z copy.bmp"].split == entries["benign/5.png"].split
    assert entries["benign/z small.png"].split == entries["benign/6.png"].split
    assert {entry.grouped_by for entry in entries.values()} == {"similarity"}
    assert [(pair.first, pair.second, pair.change, pair.same_picture) for pair in ingested.pairs()] == [
        ("benign/5.png", "benign/z copy.bmp", "", True),
        ("benign/6.png", "benign/z small.png", "", True),
    ]
    assert ingested.pairs()[0].similarity == 1.0


# BUSI


@pytest.fixture
def busi(tmp_path: Path) -> Path:
    files = {}
    for position, label in enumerate(BUSI.labels):
        for number in range(1, 5):
            stem = f"Dataset_BUSI_with_GT/{label}/{label} ({number})"
            files[f"{stem}.png"] = images.encode(pictures.texture(10 * position + number), "PNG")
            files[f"{stem}_mask.png"] = images.encode(images.noise(96, 128, seed=number) > 127, "PNG")
    files["Dataset_BUSI_with_GT/benign/benign (1)_mask_1.png"] = b"a mask is never opened"
    return images.write_files(tmp_path / "busi", files)


def _busi_sources(*labels: str) -> list[str]:
    return sorted(
        f"Dataset_BUSI_with_GT/{label}/{label} ({number}).png" for label in labels for number in range(1, 5)
    )


def test_busi_layout_is_read_without_its_masks(busi: Path, tmp_path: Path) -> None:
    ingested = ingest(busi, tmp_path / "output", dataset="busi", labels=BUSI.labels)

    entries = ingested.manifest()
    assert ingested.all_sources() == list(entries) == _busi_sources("normal", "benign", "malignant")
    assert {source: entry.label for source, entry in entries.items()} == {
        source: source.split("/")[1] for source in entries
    }
    assert {entry.group for entry in entries.values()} == {f"like:{source}" for source in entries}
    assert {entry.patient for entry in entries.values()} == {""}


def test_classes_of_the_data_set_that_the_settings_do_not_use_are_left_out(busi: Path, tmp_path: Path) -> None:
    ingested = ingest(busi, tmp_path / "output", dataset="busi", labels=("benign", "malignant"))

    assert list(ingested.manifest()) == ingested.all_sources() == _busi_sources("benign", "malignant")


# The data gate on what was ingested

BLACK_AND_WHITE = [source for source, picture in sorted(DATA_SET.items()) if picture.bit_depth == 1]


def test_the_data_gate_reports_every_check(ingested: Ingested, tmp_path: Path) -> None:
    report = run_data_gate(_with_checks(ingested, annotations="warn"), tmp_path)

    assert findings_of(report) == {
        "annotations": [
            f"{source}: 100.0% of the pixels are black or white, as in a mask" for source in BLACK_AND_WHITE
        ],
        "burned_in": [
            f"{source}: sharp bright marks on the dark margin, such as a frame or text" for source in BLACK_AND_WHITE
        ],
    }
    assert {result.check for result in report.results} == set(CheckSettings.model_fields) - SETTINGS_OF_CHECKS
    assert not any(result.refuses for result in report.results)
    assert report.train_groups == 12
    assert report.notes == ["no earlier accepted data of this kind, so drift could not be looked for"]


def test_the_data_gate_stops_on_leakage_and_on_a_missing_class(ingested: Ingested, tmp_path: Path) -> None:
    changed = tmp_path / "manifest"
    changed.mkdir()
    entries = list(ingested.manifest().values())
    train = next(entry for entry in entries if entry.split == "train" and entry.label == "normal")
    strayed = next(entry for entry in entries if entry.group == train.group and entry != train)
    moved = [
        replace(entry, split="test" if entry == strayed else "train")
        if entry == strayed or (entry.label == "benign" and entry.split == "eval")
        else entry
        for entry in entries
    ]
    write_manifest(moved, [], str(changed))

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(
            replace(_with_checks(ingested, annotations="warn"), manifest_directory=changed), tmp_path / "gate"
        )

    assert caught.value.what == "The data gate refuses these data: 2 findings of 2 kinds."
    assert caught.value.reasons == (
        "A patient or a picture in two splits (leakage, 1 found): move all images of a patient, and all copies of a"
        " picture, into one split; or make no splits of your own, so that they are made by group; or accept with"
        " --set data.checks.leakage=drop",
        f"    group '{train.group}' is in the splits test, train, for example {strayed.source}, {train.source}",
        "Classes that a split lacks (classes, 1 found): add images of further patients to these classes, try another"
        " data.seed, or lower data.checks.minimum_images_per_class; or accept with --set data.checks.classes=warn",
        "    split 'eval' has 0 images of class 'benign', and at least 1 are needed (the class has 6 groups in all,"
        " which are never divided)",
    )
    assert not (tmp_path / "gate" / "gate.json").exists()
    assert not (tmp_path / "gate" / "train_statistics.pb").exists()


def _with_checks(ingested: Ingested, **checks: Any) -> Ingested:
    return replace(ingested, settings=ingested.settings.model_copy(update={"checks": CheckSettings(**checks)}))
