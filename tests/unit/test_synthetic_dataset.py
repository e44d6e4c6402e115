"""The synthetic data set: what is written, how it is read, and that its classes differ but overlap."""

import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from components.datasets import synthetic
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing

SEED = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("synthetic") / "new"
    synthetic.generate(directory, SEED)
    return directory


@pytest.fixture(scope="module")
def records(folder: Path) -> list[ImageRecord]:
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return list(synthetic.find_records(_listing(*paths)))


@pytest.fixture(scope="module")
def images(folder: Path, records: list[ImageRecord]) -> list[NDArray[np.uint8]]:
    return [np.asarray(Image.open(folder / record.path)) for record in records]


def _listing(*paths: str) -> Listing:
    def read_text(path: str) -> str:
        raise AssertionError(f"{path} must not be opened")

    return Listing(paths=paths, read_text=read_text)


def _auc(records: list[ImageRecord], values: list[float]) -> float:
    return float(roc_auc_score([record.label == "malignant" for record in records], values))


def _behind_minus_beside(image: NDArray[np.uint8]) -> float:
    """Grey level behind the middle of the image minus that to the left and right of it, at the same depth."""
    height, width = image.shape
    rows = image[int(0.68 * height) : int(0.9 * height)].astype(float)
    behind = rows[:, int(0.44 * width) : int(0.56 * width)]
    beside = np.hstack([rows[:, : int(0.2 * width)], rows[:, int(0.8 * width) :]])
    return float(behind.mean() - beside.mean())


def _middle_minus_beside(image: NDArray[np.uint8]) -> float:
    """Grey level in the middle of the image, where the lesion is, minus that at its left and right."""
    height, width = image.shape
    rows = image[int(0.43 * height) : int(0.54 * height)].astype(float)
    middle = rows[:, int(0.44 * width) : int(0.56 * width)]
    beside = np.hstack([rows[:, : int(0.2 * width)], rows[:, int(0.8 * width) :]])
    return float(middle.mean() - beside.mean())


def test_the_registry_finds_it() -> None:
    dataset = get_dataset("synthetic")
    assert dataset.labels == ("benign", "malignant")
    assert dataset.positive_label == "malignant"
    assert dataset.generate is synthetic.generate
    assert "no clinical meaning" in dataset.title


def test_importing_it_loads_no_numerical_library() -> None:
    program = (
        "import sys, components.datasets.synthetic;"
        "print(sorted({'numpy', 'scipy', 'PIL', 'tensorflow'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def _generate_few(directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr(synthetic, "PATIENTS", {"benign": 4, "malignant": 3})
    synthetic.generate(directory, seed)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*.png")}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _generate_few(tmp_path / "first", SEED, monkeypatch)
    second = _generate_few(tmp_path / "second", SEED, monkeypatch)
    assert len(first) >= 14
    assert first == second


def test_another_seed_gives_other_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _generate_few(tmp_path / "first", 0, monkeypatch)
    second = _generate_few(tmp_path / "second", 1, monkeypatch)
    assert not set(first.values()) & set(second.values())


def test_another_seed_gives_another_order_of_the_classes() -> None:
    assert synthetic.patient_labels(0) != synthetic.patient_labels(1)


def test_patients_and_views_differ() -> None:
    view, other_view = synthetic.patient_views(SEED, 1, "benign")[:2]
    assert view.shape == other_view.shape
    assert not np.array_equal(view, other_view)
    other_patient = synthetic.patient_views(SEED, 2, "benign")[0]
    assert view.shape != other_patient.shape or not np.array_equal(view, other_patient)


def test_counts(folder: Path, records: list[ImageRecord]) -> None:
    patients = {(record.group, record.label) for record in records}
    assert Counter(label for _, label in patients) == {"benign": 55, "malignant": 45}
    assert {group for group, _ in patients} == {f"patient-{number:04d}" for number in range(1, 101)}
    views = Counter(record.group for record in records)
    assert set(views.values()) == {2, 3, 4}
    assert 270 <= len(records) <= 330
    assert len(records) == sum(path.is_file() for path in folder.rglob("*"))


def test_no_patient_is_in_two_classes(records: list[ImageRecord]) -> None:
    labels_of = defaultdict(set)
    for record in records:
        labels_of[record.group].add(record.label)
    assert all(len(labels) == 1 for labels in labels_of.values())


def test_the_number_of_a_patient_does_not_tell_the_class() -> None:
    malignant = [label == "malignant" for label in synthetic.patient_labels(SEED)]
    assert 15 <= sum(malignant[:50]) <= 30


def test_every_file_is_a_grey_png_of_8_bits(folder: Path, records: list[ImageRecord]) -> None:
    for record in records:
        with Image.open(folder / record.path) as image:
            assert (image.format, image.mode) == ("PNG", "L"), record.path
            assert 180 <= image.width <= 240, record.path
            assert 150 <= image.height <= 200, record.path


def test_an_image_has_the_contrast_of_an_ultrasound_image(images: list[NDArray[np.uint8]]) -> None:
    for image in images:
        assert 70 <= image.mean() <= 125
        assert 28 <= image.std() <= 52
        assert np.mean((image == 0) | (image == 255)) < 0.06


def test_find_records_gives_class_and_patient() -> None:
    listing = _listing(
        ".DS_Store",
        "README.txt",
        "benign/.patient-0001_image-1.png",
        "benign/patient-0001_image-1.png",
        "benign/patient-0001_image-2.png",
        "malignant/patient-0002_image-1.png",
        "malignant/notes.csv",
    )
    assert synthetic.find_records(listing) == [
        ImageRecord("benign/patient-0001_image-1.png", "benign", "patient-0001"),
        ImageRecord("benign/patient-0001_image-2.png", "benign", "patient-0001"),
        ImageRecord("malignant/patient-0002_image-1.png", "malignant", "patient-0002"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "benign/patient-1_image-1.png",
        "benign/patient-0001.png",
        "benign/patient-0001_image-1.jpg",
        "benign/patient-0001_image-1.png.png",
        "more/benign/patient-0001_image-1.png",
        "normal/patient-0001_image-1.png",
        "patient-0001_image-1.png",
    ],
)
def test_a_file_that_is_not_named_as_generated_has_no_label(path: str) -> None:
    records = synthetic.find_records(_listing("benign/patient-0002_image-1.png", path))

    assert records[1] == ImageRecord(path, None)
    assert records[0].label == "benign"


def test_shadow_marks_malignant_and_enhancement_benign_lesions_but_not_all(
    records: list[ImageRecord], images: list[NDArray[np.uint8]]
) -> None:
    differences = [_behind_minus_beside(image) for image in images]
    mean = {
        label: np.mean([d for d, r in zip(differences, records, strict=True) if r.label == label])
        for label in synthetic.LABELS
    }
    assert mean["benign"] > 3
    assert mean["malignant"] < -8
    assert 0.75 < _auc(records, [-difference for difference in differences]) < 0.97


def test_malignant_lesions_are_darker_but_not_all(
    records: list[ImageRecord], images: list[NDArray[np.uint8]]
) -> None:
    differences = [_middle_minus_beside(image) for image in images]
    assert np.mean(differences) < -15  # a lesion is hypoechoic in either class
    assert 0.7 < _auc(records, [-difference for difference in differences]) < 0.97


@pytest.mark.parametrize("name", ["margin_irregularity", "echo_db", "height_to_width", "posterior_db"])
def test_each_feature_separates_the_classes_in_part(name: str) -> None:
    rng = np.random.default_rng(SEED)
    benign, malignant = (
        [getattr(synthetic._draw_features(rng, label), name) for _ in range(400)] for label in synthetic.LABELS
    )
    auc = roc_auc_score([0] * 400 + [1] * 400, benign + malignant)
    assert 0.8 < max(auc, 1 - auc) < 0.97
    assert min(max(benign), max(malignant)) > max(min(benign), min(malignant))


def test_size_brightness_and_contrast_do_not_tell_the_class(
    records: list[ImageRecord], images: list[NDArray[np.uint8]]
) -> None:
    shortcuts = {
        "width": [image.shape[1] for image in images],
        "height": [image.shape[0] for image in images],
        "area": [image.size for image in images],
        "mean": [image.mean() for image in images],
        "contrast": [image.std() for image in images],
    }
    for name, values in shortcuts.items():
        auc = _auc(records, values)
        assert 0.35 < auc < 0.65, f"{name}: AUC {auc:.3f}"


def test_the_posterior_feature_acts_behind_the_lesion_only() -> None:
    mask = np.zeros((100, 3))
    mask[40:60, 1] = 1.0
    enhanced, plain = (synthetic._transmission_db(mask, posterior_db) for posterior_db in (4.0, 0.0))
    change = enhanced - plain
    assert np.all(change[:40] == 0)
    assert np.all(change[:, [0, 2]] == 0)
    np.testing.assert_allclose(change[60:, 1], 4.0)


def test_speckle_in_uniform_tissue_is_correlated_and_about_rayleigh() -> None:
    rng = np.random.default_rng(SEED)
    envelope = synthetic._speckle(rng, np.zeros((200, 400)))[20:60]
    # 1.91 for a Rayleigh distribution; the receiver's smoothing raises it.
    assert 1.8 < envelope.mean() / envelope.std() < 3.2
    centred = envelope - envelope.mean()
    neighbours = np.mean(centred[:, 1:] * centred[:, :-1]) / centred.var()
    distant = np.mean(centred[:, 20:] * centred[:, :-20]) / centred.var()
    assert neighbours > 0.6
    assert abs(distant) < 0.1
