"""The BreaKHis data set: class, tumour, patient and magnification by the names of the images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import breakhis
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing

BREAST = "BreaKHis_v1/histology_slides/breast"


def _find(*paths: str) -> list[ImageRecord]:
    return list(breakhis.find_records(Listing(paths=paths, read_text=lambda path: "")))


def test_all_facts_are_in_the_name() -> None:
    benign = f"{BREAST}/benign/SOB/adenosis/SOB_B_A_14-22549AB/40X/SOB_B_A-14-22549AB-40-001.png"
    malignant = f"{BREAST}/malignant/SOB/papillary_carcinoma/SOB_M_PC_15-190EF/400X/SOB_M_PC-15-190EF-400-011.png"

    assert _find(benign, malignant) == [
        ImageRecord(benign, "benign", "14-22549", None, {"finding": "adenosis", "magnification": "40X"}),
        ImageRecord(
            malignant, "malignant", "15-190", None, {"finding": "papillary carcinoma", "magnification": "400X"}
        ),
    ]


@pytest.mark.parametrize(
    ("tumour", "label", "finding"),
    [
        ("B_A", "benign", "adenosis"),
        ("B_F", "benign", "fibroadenoma"),
        ("B_PT", "benign", "phyllodes tumor"),
        ("B_TA", "benign", "tubular adenoma"),
        ("M_DC", "malignant", "ductal carcinoma"),
        ("M_LC", "malignant", "lobular carcinoma"),
        ("M_MC", "malignant", "mucinous carcinoma"),
        ("M_PC", "malignant", "papillary carcinoma"),
    ],
)
def test_types_of_tumours(tumour: str, label: str, finding: str) -> None:
    (record,) = _find(f"SOB_{tumour}-14-4659-200-003.png")

    assert (record.label, record.attributes["finding"]) == (label, finding)


@given(
    folder=st.sampled_from(["", "malignant/", "fold1/train/40X/", f"{BREAST}/Malignant/SOB/x/y/100X/"]),
    year=st.sampled_from(["14", "15"]),
    slide=st.integers(100, 99999),
    blocks=st.lists(st.text("ABCDEFGH", max_size=2), min_size=2, max_size=4),
    magnification=st.sampled_from([40, 100, 200, 400]),
)
def test_the_blocks_of_a_slide_are_one_patient(
    folder: str, year: str, slide: int, blocks: list[str], magnification: int
) -> None:
    records = _find(*(f"{folder}SOB_M_DC-{year}-{slide}{block}-{magnification}-001.png" for block in blocks))

    assert {(record.label, record.group) for record in records} == {("malignant", f"{year}-{slide}")}
    assert {record.attributes["magnification"] for record in records} == {f"{magnification}X"}


def test_the_patient_with_two_types_of_tumour_is_one() -> None:
    records = _find("SOB_M_DC-14-13412-40-001.png", "SOB_M_LC-14-13412-40-001.png")

    assert {record.group for record in records} == {"14-13412"}
    assert [record.attributes["finding"] for record in records] == ["ductal carcinoma", "lobular carcinoma"]


@pytest.mark.parametrize(
    "path", ["malignant/SOB_B_A-14-22549AB-40-001.png", "a/Malignant/SOB/x/SOB_B_A-14-22549AB-40-001.png"]
)
def test_an_image_below_a_folder_of_the_other_class_has_no_label(path: str) -> None:
    (record,) = _find(path)

    assert (record.label, record.group) == (None, "14-22549")


@pytest.mark.parametrize(
    "path",
    [
        "benign/SOB_M_A-14-22549AB-40-001.png",
        "benign/SOB_B_DC-14-22549AB-40-001.png",
        "benign/SOB_B_A-14-22549AB-80-001.png",
        "benign/SOB_B_A-22549AB-40-001.png",
        "benign/SOB_B_A-14-22549AB-40-001_flip.png",
        "benign/image.png",
    ],
)
def test_another_name_has_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def test_other_files_are_left_out() -> None:
    assert _find("README.txt", f"{BREAST}/benign/SOB/count_files.sh") == []


def test_specification() -> None:
    spec = get_dataset("breakhis")

    assert (spec.labels, spec.positive_label) == (("benign", "malignant"), "malignant")
    assert spec.modality == "histopathology"
