"""The BUSI data set: what is an image, what is a mask, what is neither."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import busi
from components.datasets.registry import all_datasets, get_dataset
from components.datasets.spec import ImageRecord, Listing

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "busi"


def _find(*paths: str) -> list[ImageRecord]:
    return list(busi.find_records(Listing(paths=paths, read_text=lambda path: "")))


def test_images_get_the_class_of_their_folder_and_no_group() -> None:
    assert _find("benign/benign (1).png", "malignant/malignant (20).png", "normal/normal (3).png") == [
        ImageRecord("benign/benign (1).png", "benign", None),
        ImageRecord("malignant/malignant (20).png", "malignant", None),
        ImageRecord("normal/normal (3).png", "normal", None),
    ]


@pytest.mark.parametrize(
    "path",
    ["Benign/benign (1).png", "BENIGN/Benign (1).PNG", "benign/benign (1).jpg", "a/b c/Benign/BENIGN (12).bmp"],
)
def test_copies_may_differ_in_case_and_suffix(path: str) -> None:
    assert _find(path) == [ImageRecord(path, "benign")]


@given(
    prefix=st.sampled_from(["", "Dataset_BUSI_with_GT/", "a/b c/"]),
    number=st.integers(1, 500),
    mask=st.integers(1, 19),
    suffix=st.sampled_from(["png", "PNG", "jpg", "bmp"]),
    word=st.sampled_from(["mask", "Mask", "MASK"]),
)
def test_masks_are_no_images_however_many_an_image_has(
    prefix: str, number: int, mask: int, suffix: str, word: str
) -> None:
    image = f"{prefix}benign/benign ({number})"

    records = _find(f"{image}.png", f"{image}_{word}.{suffix}", f"{image}_{word}_{mask}.{suffix}")

    assert records == [ImageRecord(f"{image}.png", "benign")]


def test_files_that_are_no_images_are_left_out() -> None:
    assert _find("README.txt", "benign/Thumbs.db", "benign/benign (1).png.part") == []


@pytest.mark.parametrize(
    "path",
    [
        "benign/malignant (1).png",
        "benign (1).png",
        "other/other (1).png",
        "benign/benign 1.png",
        "benign/benign (1) copy.png",
        "benign/benign (1)_mask copy.png",
        "benign/deeper/benign (1).png",
    ],
)
def test_an_image_of_unknown_class_has_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def _find_masks(*paths: str) -> dict[str, list[str]]:
    assert busi.DATASET.find_masks is not None
    found = busi.DATASET.find_masks(Listing(paths=paths, read_text=lambda path: ""))
    return {image: list(masks) for image, masks in found.items()}


def test_an_image_has_the_masks_of_its_name_and_folder() -> None:
    found = _find_masks(
        "benign/benign (1).png",
        "benign/benign (1)_mask.png",
        "benign/benign (1)_mask_1.png",
        "benign/benign (1)_mask_2.png",
        "benign/benign (11).png",
        "benign/benign (11)_mask.png",
        "benign/benign (111).png",
        "copy/benign/benign (1).png",
        "malignant/malignant (1)_mask.png",
    )

    assert found == {
        "benign/benign (1).png": [
            "benign/benign (1)_mask.png",
            "benign/benign (1)_mask_1.png",
            "benign/benign (1)_mask_2.png",
        ],
        "benign/benign (11).png": ["benign/benign (11)_mask.png"],
    }


def test_masks_of_copies_may_differ_in_case_and_suffix() -> None:
    assert _find_masks("Benign/BENIGN (1).jpg", "Benign/benign (1)_Mask.PNG", "Benign/benign (1)_mask.txt") == {
        "Benign/BENIGN (1).jpg": ["Benign/benign (1)_Mask.PNG"]
    }


@pytest.mark.parametrize("name", sorted(set(all_datasets()) - {"busi"}))
def test_no_other_data_set_has_masks(name: str) -> None:
    assert get_dataset(name).find_masks is None


def test_specification() -> None:
    spec = get_dataset("busi")

    assert (spec.labels, spec.positive_label) == (("normal", "benign", "malignant"), "malignant")
    assert spec.generate is None


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/busi is absent")
def test_real_images() -> None:
    paths = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file())

    assert len(paths) == 1272
    assert Counter(record.label for record in _find(*paths)) == {"normal": 107, "benign": 351, "malignant": 171}


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/busi is absent")
def test_real_masks() -> None:
    paths = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file())

    masks = _find_masks(*paths)

    assert sum(map(len, masks.values())) == 1272 - 629
    assert set(masks) == {record.path for record in _find(*paths)}
    assert Counter(map(len, masks.values())) == {1: 616, 2: 12, 3: 1}
