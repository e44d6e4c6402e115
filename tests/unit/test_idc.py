"""The IDC data set: class and patient by the names of the patches."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import idc
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "idc"


def _find(*paths: str) -> list[ImageRecord]:
    return list(idc.find_records(Listing(paths=paths, read_text=lambda path: "")))


def test_class_and_patient_are_in_the_name() -> None:
    negative, positive = "9290/0/9290_idx5_x3151_y301_class0.png", "9290/1/9290_idx5_x51_y1_class1.png"

    assert _find(negative, positive) == [
        ImageRecord(negative, "non_idc", "9290"),
        ImageRecord(positive, "idc", "9290"),
    ]


@given(
    prefix=st.sampled_from(["", "16896/", "IDC_regular_ps50_idx5/16896/", "some folder/"]),
    folder=st.sampled_from(["{0}/", "", "patches/"]),
    index=st.integers(0, 12),
    x=st.integers(0, 9999),
    y=st.integers(0, 9999),
    number=st.sampled_from([0, 1]),
)
def test_index_position_and_other_folders_do_not_matter(
    prefix: str, folder: str, index: int, x: int, y: int, number: int
) -> None:
    path = f"{prefix}{folder.format(number)}16896_idx{index}_x{x}_y{y}_class{number}.png"

    assert _find(path) == [ImageRecord(path, ("non_idc", "idc")[number], "16896")]


@pytest.mark.parametrize(
    "path", ["9290/0/9290_idx5_x1_y1_class1.png", "9290/1/9290_idx5_x1_y1_class0.png", "1/9290_idx5_x1_y1_class0.png"]
)
def test_a_patch_in_the_folder_of_the_other_class_has_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None, "9290")]


@pytest.mark.parametrize(
    "path",
    [
        "9290/0/9290_idx5_x1_y1_class2.png",
        "9290/0/9290_idx5_x1_y1.png",
        "9290/0/9290_idx5_x1_y1_class0_flip.png",
        "9290/0/idx5_x1_y1_class0.png",
        "9290/0/patch.png",
    ],
)
def test_another_name_has_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def test_the_second_copy_in_the_archive_of_kaggle_is_left_out() -> None:
    patch, lone = "9290/0/9290_idx5_x1_y1_class0.png", "IDC_regular_ps50_idx5/9290/0/9290_idx5_x2_y1_class0.png"

    records = _find(patch, f"IDC_regular_ps50_idx5/{patch}", lone)

    assert [record.path for record in records] == [patch, lone]


def test_other_files_are_left_out() -> None:
    assert _find("README.txt", "9290/0/Thumbs.db", "9290/0/.9290_idx5_x1_y1_class0.png") == []


def test_specification() -> None:
    spec = get_dataset("idc")

    assert (spec.labels, spec.positive_label) == (("non_idc", "idc"), "idc")
    assert spec.modality == "histopathology"


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/idc is absent")
def test_real_patches() -> None:
    records = _find(*sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.png")))

    assert Counter(record.label for record in records) == {"non_idc": 5625, "idc": 2077}
    assert len({record.group for record in records}) == 209
    assert all(record.path.startswith(f"{record.group}/") for record in records)
