"""Which files are used, and under which class."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets.spec import ANY_MODALITY, DatasetSpec, ImageRecord, Listing
from components.image_example_gen.selection import select_records
from components.settings import DataSettings
from schema import contract
from schema.errors import EXIT_DATA_REJECTED, DataRejectedError

LABELS = ("normal", "benign", "malignant")
LAYOUT = "<class>/*.png"


def select(records: Sequence[ImageRecord], known: Sequence[str] = LABELS, **values: Any) -> Sequence[ImageRecord]:
    settings = DataSettings(**({"dataset": "x", "labels": LABELS} | values))
    spec = DatasetSpec("x", "X", ANY_MODALITY, "nowhere", LAYOUT, tuple(known), "", lambda listing: records)
    return select_records(spec, Listing((), str), settings)


def record(path: str, **attributes: str) -> ImageRecord:
    """Of the class that its folder names."""
    folder, slash, _ = path.partition("/")
    return ImageRecord(path, folder if slash else None, f"patient of {path}", "train", attributes)


def labels(records: Sequence[ImageRecord]) -> dict[str, str | None]:
    return {found.path: found.label for found in records}


ALL = [record(f"{label}/{number}.png") for label in LABELS for number in range(2)]


@given(st.permutations(ALL))
def test_records_come_sorted_by_path_and_otherwise_as_they_are(records: list[ImageRecord]) -> None:
    assert select(records) == sorted(ALL, key=lambda found: found.path)


def test_classes_that_are_not_asked_for_are_left_out() -> None:
    assert labels(select(ALL, labels=("benign", "normal"))) == {
        f"{label}/{number}.png": label for label in ("benign", "normal") for number in range(2)
    }


def test_images_without_a_known_class_stay_for_the_gate_to_judge() -> None:
    strange = [record("x.png"), record("cyst/1.png")]

    assert labels(select([*ALL, *strange], labels=("benign", "normal"))) == {
        "benign/0.png": "benign",
        "benign/1.png": "benign",
        "normal/0.png": "normal",
        "normal/1.png": "normal",
        "cyst/1.png": "cyst",
        "x.png": None,
    }


def test_where_the_data_set_names_no_class_every_other_one_is_unknown_and_stays() -> None:
    assert labels(select(ALL, known=(), labels=("benign", "malignant"))) == labels(ALL)


def test_classes_are_renamed_and_everything_else_stays() -> None:
    found = select(ALL, label_map={"benign": "abnormal", "malignant": "abnormal"}, labels=("normal", "abnormal"))

    assert labels(found) == {
        one.path: "normal" if one.label == "normal" else "abnormal" for one in sorted(ALL, key=lambda r: r.path)
    }
    assert {(one.path, one.group, one.split) for one in found} == {(one.path, one.group, one.split) for one in ALL}


def test_renaming_is_not_repeated() -> None:
    swapped = select(ALL, label_map={"benign": "malignant", "malignant": "benign"})

    assert labels(swapped) == {
        "benign/0.png": "malignant",
        "benign/1.png": "malignant",
        "malignant/0.png": "benign",
        "malignant/1.png": "benign",
        "normal/0.png": "normal",
        "normal/1.png": "normal",
    }


def test_the_old_name_of_a_renamed_class_is_not_known_any_more() -> None:
    found = select([record("m/1.png"), record("benign/1.png")], known=("m",), label_map={"m": "malignant"})

    assert labels(found) == {"m/1.png": "malignant", "benign/1.png": "benign"}


MAGNIFIED = [
    record("benign/1.png", magnification="40X", site="A"),
    record("benign/2.png", magnification="100X", site="A"),
    record("benign/3.png", magnification="40X", site="B"),
    record("benign/4.png", site="A"),
    record("5.png", magnification="40X", site="A"),
]


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({}, "12345"),
        # That of the fourth may yet be in its header.
        ({"magnification": ["40X"]}, "1345"),
        ({"magnification": ["40X", "100X"]}, "12345"),
        ({"magnification": ["40X"], "site": ["A"]}, "145"),
        ({"site": ["B", "C"]}, "3"),
    ],
)
def test_images_are_chosen_by_their_attributes(where: dict[str, list[str]], left: str) -> None:
    found = [one.path.removesuffix(".png")[-1] for one in select(MAGNIFIED, where=where)]

    assert sorted(found) == list(left)


@pytest.mark.parametrize(
    ("records", "values", "what"),
    [
        ([], {}, "The data folder holds no image of the classes normal, benign, malignant."),
        (ALL, {"labels": ("a", "b")}, "The data folder holds no image of the classes a, b."),
        (
            MAGNIFIED,
            {"where": {contract.SITE: ["C"]}},
            "The data folder holds no image of the classes normal, benign, malignant with {'site': ('C',)}.",
        ),
    ],
)
def test_where_nothing_is_left_the_folder_is_rejected(
    records: list[ImageRecord], values: dict[str, Any], what: str
) -> None:
    with pytest.raises(DataRejectedError) as caught:
        select(records, **values)

    assert caught.value.what == what
    assert caught.value.fix == f"check the folder; the expected layout is {LAYOUT}"
    assert caught.value.exit_code == EXIT_DATA_REJECTED


@given(
    st.lists(st.sampled_from([*LABELS, "cyst", None]), min_size=1, max_size=12),
    st.lists(st.sampled_from(LABELS), min_size=2, max_size=3, unique=True),
    st.randoms(use_true_random=False),
)
def test_every_image_is_used_or_of_a_class_left_out(
    found: list[str | None], asked: list[str], random: Random
) -> None:
    records = [ImageRecord(f"{number}.png", label) for number, label in enumerate(found)]
    left_out = set(LABELS) - set(asked)
    expected = {one.path: one.label for one in records if one.label not in left_out}
    random.shuffle(records)

    if expected:
        assert labels(select(records, labels=tuple(asked))) == expected
    else:
        with pytest.raises(DataRejectedError):
            select(records, labels=tuple(asked))
