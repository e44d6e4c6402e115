"""Images split by their owner: splits, classes and groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import split_folder
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError


def _find(*paths: str, groups: str | None = None) -> list[ImageRecord]:
    present = [*paths, *(["groups.csv"] if groups is not None else [])]
    return list(split_folder.find_records(Listing(paths=present, read_text={"groups.csv": groups or ""}.__getitem__)))


def test_the_first_folder_is_the_split_and_the_second_the_class() -> None:
    assert _find("test/benign/a.png", "train/malignant/deep/b.jpg", "validation/benign/c.png", "README.txt") == [
        ImageRecord("test/benign/a.png", "benign", None, "test"),
        ImageRecord("train/malignant/deep/b.jpg", "malignant", None, "train"),
        ImageRecord("validation/benign/c.png", "benign", None, "eval"),
    ]


@given(
    names=st.sampled_from(
        [
            ("train", "train"),
            ("validation", "eval"),
            ("val", "eval"),
            ("valid", "eval"),
            ("eval", "eval"),
            ("dev", "eval"),
            ("test", "test"),
        ]
    ),
    change=st.sampled_from([str.lower, str.upper, str.title]),
    label=st.text("abcXYZ 0-_", min_size=1),
)
def test_splits_in_any_case_and_classes_as_they_are(names: tuple[str, str], change: object, label: str) -> None:
    assert callable(change)
    path = f"{change(names[0])}/{label}/a.png"

    assert _find(path) == [ImageRecord(path, label, None, names[1])]


@pytest.mark.parametrize(
    "path", ["a.png", "benign/a.png", "more/benign/a.png", "data/train/benign/a.png", "train.png"]
)
def test_an_image_outside_the_splits_has_neither_split_nor_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def test_an_image_outside_the_classes_has_a_split_alone() -> None:
    assert _find("train/a.png") == [ImageRecord("train/a.png", None, None, "train")]


def test_groups_are_those_of_the_table() -> None:
    records = _find(
        "test/benign/a.png", "train/benign/a.png", groups="path,group\ntrain/benign/a.png,p1\ntest/benign/a.png,p2\n"
    )

    assert [(record.split, record.group) for record in records] == [("test", "p2"), ("train", "p1")]


def test_an_image_without_group_stops_the_run_by_name() -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find("test/benign/a.png", "train/benign/a.png", groups="path,group\ntrain/benign/a.png,p1\n")

    assert caught.value.reasons == ("test/benign/a.png",)


def test_specification() -> None:
    spec = get_dataset("split_folder")

    assert (spec.labels, spec.positive_label, spec.modality) == ((), "", "any")
