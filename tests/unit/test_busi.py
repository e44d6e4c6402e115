"""The BUSI data set: what is an image, what is a mask, what is neither."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.datasets import busi
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError


def _find(*paths: str, labels: tuple[str, ...] = busi.LABELS) -> list[ImageRecord]:
    return list(busi.find_records(Listing(paths=paths, read_text=lambda path: ""), labels))


def test_images_get_the_class_of_their_folder_and_no_group() -> None:
    assert _find("benign/benign (1).png", "malignant/malignant (20).png", "normal/normal (3).png") == [
        ImageRecord("benign/benign (1).png", "benign", None),
        ImageRecord("malignant/malignant (20).png", "malignant", None),
        ImageRecord("normal/normal (3).png", "normal", None),
    ]


@settings(deadline=None)
@given(
    prefix=st.sampled_from(["", "Dataset_BUSI_with_GT/", "a/b c/"]),
    number=st.integers(1, 500),
    mask=st.integers(1, 9),
)
def test_masks_are_no_images_however_many_an_image_has(prefix: str, number: int, mask: int) -> None:
    image = f"{prefix}benign/benign ({number})"

    records = _find(f"{image}.png", f"{image}_mask.png", f"{image}_mask_{mask}.png")

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
        "benign/benign (1).PNG",
        "benign/benign (1).jpg",
        "benign/benign (1) copy.png",
        "benign/deeper/benign (1).png",
        "benign/benign (1)_mask.jpg",
    ],
)
def test_an_image_of_unknown_class_stops_the_run_by_name(path: str) -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find("benign/benign (2).png", path)

    assert caught.value.reasons == (path,)
    assert "Dataset_BUSI_with_GT/<class>/<class> (n).png" in caught.value.fix


def test_with_fewer_classes_in_use_the_others_are_left_out() -> None:
    records = _find(
        "benign/benign (1).png",
        "normal/normal (1).png",
        "malignant/malignant (1).png",
        labels=("benign", "malignant"),
    )

    assert [record.label for record in records] == ["benign", "malignant"]


def test_specification() -> None:
    spec = get_dataset("busi")

    assert (spec.labels, spec.positive_label) == (("normal", "benign", "malignant"), "malignant")
    assert spec.generate is None
