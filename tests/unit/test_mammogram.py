"""Mammograms in class folders: what the names of the public collections tell, and what is no film."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import mammogram
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError

CBIS = "malignant/Mass-Training_P_00001_LEFT_CC/07-20-2016-DDSM-NA-30104/1.000000-full mammogram images-24515/1-1.dcm"


def _find(*paths: str, groups: str | None = None) -> list[ImageRecord]:
    present = [*paths, *(["groups.csv"] if groups is not None else [])]
    return list(mammogram.find_records(Listing(paths=present, read_text={"groups.csv": groups or ""}.__getitem__)))


@pytest.mark.parametrize(
    ("path", "label", "group", "attributes"),
    [
        (CBIS, "malignant", "P_00001", {"side": "left", "view": "CC", "finding": "mass"}),
        (
            "benign/Calc-Test_P_00038_RIGHT_MLO.png",
            "benign",
            "P_00038",
            {"side": "right", "view": "MLO", "finding": "calcification"},
        ),
        (
            "a/Benign/calc-test_p_00038_right_mlo_full.jpg",
            "benign",
            "P_00038",
            {"side": "right", "view": "MLO", "finding": "calcification"},
        ),
        ("benign/P_00038_RIGHT_CC.png", "benign", "P_00038", {"side": "right", "view": "CC"}),
        ("BENIGN/C_0029_1.LEFT_MLO.png", "benign", "C_0029", {"side": "left", "view": "MLO"}),
        ("malignant/0001/A_1105_1.RIGHT_CC.LJPEG.1.png", "malignant", "A_1105", {"side": "right", "view": "CC"}),
        (
            "malignant/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm",
            "malignant",
            "6C613A14B80A8591",
            {"side": "right", "view": "CC"},
        ),
        (
            "malignant/20586986_6c613a14b80a8591_MG_L_ML_ANON.png",
            "malignant",
            "6C613A14B80A8591",
            {"side": "left", "view": "MLO"},
        ),
    ],
    ids=[
        "CBIS",
        "CBIS, flat",
        "CBIS, other case",
        "CBIS, no type",
        "DDSM",
        "DDSM, LJPEG",
        "INbreast",
        "INbreast MLO",
    ],
)
def test_names_of_the_public_collections(path: str, label: str, group: str, attributes: dict[str, str]) -> None:
    assert _find(path) == [ImageRecord(path, label, group, None, attributes)]


@pytest.mark.parametrize(
    "path",
    [
        "benign/a.png",
        "x/benign/y/a.jpg",
        "benign/LEFT_CC.png",
        "benign/XP_00001_LEFT_CC.png",
        "benign/12345_MG_R_CC.png",
    ],
)
def test_other_names_tell_nothing(path: str) -> None:
    assert _find(path) == [ImageRecord(path, "benign")]


@given(
    kind=st.sampled_from(["Mass-Training", "Mass-Test", "Calc-Training", "Calc-Test"]),
    patient=st.integers(0, 99999),
    side=st.sampled_from(["LEFT", "RIGHT"]),
    view=st.sampled_from(["CC", "MLO"]),
    lesion=st.integers(1, 12),
    below=st.sampled_from(["/1-1.dcm", "/a/b/000000.dcm", "/000001.png", ".png", "_1-1.dcm", "_1-2.png"]),
)
def test_crops_and_masks_of_cbis_are_no_films(
    kind: str, patient: int, side: str, view: str, lesion: int, below: str
) -> None:
    film = f"benign/{kind}_P_{patient:05d}_{side}_{view}"

    assert _find(f"{film}_{lesion}{below}") == []
    assert [record.group for record in _find(f"{film}/000000.dcm", f"{film}_1-1.dcm")] == [f"P_{patient:05d}"] * 2


@pytest.mark.parametrize(
    "path",
    [
        "benign/C_0029_1.LEFT_CC_Mask.jpg",
        "benign/C_0029_1.LEFT_CC_Mask2.png",
        "benign/Mass-Training_P_00001_LEFT_CC_MASK_1.png",
        "benign/Mass-Training_P_00001_LEFT_CC_CROP.png",
        "benign/1.000000-ROI mask images-37851/1-1.dcm",
        "benign/1-cropped images-26682/000000.dcm",
        "benign/a_mask.png",
        "benign/a_mask_1.png",
    ],
)
def test_masks_by_other_names_are_no_films(path: str) -> None:
    assert _find("benign/b.png", path) == [ImageRecord("benign/b.png", "benign")]


@pytest.mark.parametrize(
    "path", ["a.png", "benign.png", "normal/a.png", "benign or malignant/a.png", "benign/malignant/a.png"]
)
def test_a_path_that_names_no_class_or_two_gives_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def test_a_path_that_names_two_films_gives_no_label_and_no_group() -> None:
    path = "benign/Mass-Training_P_00001_LEFT_CC/Mass-Training_P_00002_LEFT_CC.png"

    assert _find(path) == [ImageRecord(path, None)]


@pytest.mark.parametrize("name", ["Mass-Test_P_00016_LEFT_CC.png", "P_00016_LEFT_CC.jpg"])
def test_a_path_that_names_one_film_twice_is_that_film(name: str) -> None:
    (record,) = _find(f"benign/Mass-Test_P_00016_LEFT_CC/{name}")

    assert (record.label, record.group, record.attributes["finding"]) == ("benign", "P_00016", "mass")


def test_groups_of_the_table_come_before_those_of_the_names() -> None:
    records = _find(
        "benign/P_00001_LEFT_CC.png",
        "malignant/a.png",
        groups=("path,group\nbenign/P_00001_LEFT_CC.png,Anna\nmalignant/a.png,Berta\n"),
    )

    assert [record.group for record in records] == ["Anna", "Berta"]
    assert records[0].attributes == {"side": "left", "view": "CC"}


def test_the_table_needs_no_line_for_a_mask_but_one_for_each_film() -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find("benign/a.png", "benign/a_mask.png", "benign/b.png", groups="path,group\nbenign/a.png,p1\n")

    assert caught.value.reasons == ("benign/b.png",)


def test_specification() -> None:
    spec = get_dataset("mammogram")

    assert (spec.labels, spec.positive_label) == (("benign", "malignant"), "malignant")
    assert spec.modality == "mammography"
