"""Images in one folder per class: labels, and groups from `groups.csv`."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import image_folder
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError

PATHS = ("benign/a.png", "benign/deep/b.jpg", "malignant/c.png")


def _find(*paths: str, groups: str | None = None) -> list[ImageRecord]:
    present = [*paths, *(["groups.csv"] if groups is not None else [])]
    texts = {"groups.csv": groups or ""}
    return list(image_folder.find_records(Listing(paths=present, read_text=texts.__getitem__)))


def test_without_groups_the_first_folder_is_the_class() -> None:
    assert _find(*PATHS, "notes.txt") == [
        ImageRecord("benign/a.png", "benign", None),
        ImageRecord("benign/deep/b.jpg", "benign", None),
        ImageRecord("malignant/c.png", "malignant", None),
    ]


@pytest.mark.parametrize(
    ("path", "label"), [("a.png", None), ("Benign/a.png", "Benign"), ("x/benign/a.png", "x"), (".png/a.png", ".png")]
)
def test_no_folder_is_no_class_and_any_first_folder_is_one(path: str, label: str | None) -> None:
    assert _find(path) == [ImageRecord(path, label)]


@pytest.mark.parametrize(
    "text",
    [
        "path,group\nbenign/a.png,p1\nbenign/deep/b.jpg,p2\nmalignant/c.png,p1\n",
        "\ufeffpath,group\r\nbenign/a.png,p1\r\nbenign/deep/b.jpg,p2\r\nmalignant/c.png,p1\r\n",
        "path,group\rbenign/a.png,p1\rbenign/deep/b.jpg,p2\rmalignant/c.png,p1\r",
        'group,note,path\n p1 ,x,"benign/a.png"\np2,"1,5",benign/deep/b.jpg\np1,,malignant/c.png',
        "path,group\nbenign/a.png,p1\nbenign/a.png,p1\nbenign/deep/b.jpg,p2\nmalignant/c.png,p1\ngone.png,p9\n",
        "path,group\n,\nbenign/a.png,p1\n\nbenign/deep/b.jpg,p2\nmalignant/c.png,p1\n,\n , \n",
    ],
    ids=[
        "unix",
        "windows",
        "old macintosh",
        "other columns and quotes",
        "repeated and superfluous lines",
        "blank lines",
    ],
)
def test_groups_are_read_from_any_usual_csv(text: str) -> None:
    assert {record.path: record.group for record in _find(*PATHS, groups=text)} == {
        "benign/a.png": "p1",
        "benign/deep/b.jpg": "p2",
        "malignant/c.png": "p1",
    }


@given(st.dictionaries(st.sampled_from(PATHS), st.text("abc ,\"'äß9", min_size=1).filter(str.strip), min_size=3))
def test_groups_may_have_any_name(groups: dict[str, str]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("path", "group"), *groups.items()])

    records = _find(*PATHS, groups=buffer.getvalue())

    assert {record.path: record.group for record in records} == {path: name.strip() for path, name in groups.items()}


def test_an_image_without_group_stops_the_run_by_name() -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find(*PATHS, groups="path,group\nbenign/a.png,p1\n")

    assert caught.value.reasons == ("benign/deep/b.jpg", "malignant/c.png")


@pytest.mark.parametrize("header", ["", "path\n", "path;group\n", "Path,Group\n", "path,group,path\n"])
def test_missing_and_repeated_columns_are_named(header: str) -> None:
    with pytest.raises(DataRejectedError, match=r"groups\.csv has the columns") as caught:
        _find(*PATHS, groups=header)

    assert caught.value.fix == "its first line must name the columns path, group, each once, separated by commas"


def test_faulty_lines_are_all_named() -> None:
    text = "path,group\nbenign/a.png,p1\nbenign/a.png,p2\nmalignant/c.png,\n,p3\nonly-a-path\n"

    with pytest.raises(DataRejectedError) as caught:
        _find(*PATHS, groups=text)

    assert caught.value.reasons == (
        "line 3: benign/a.png is in two groups, p1 and p2",
        "line 4: path or group is empty",
        "line 5: path or group is empty",
        "line 6: path or group is empty",
    )


def test_a_comma_in_a_path_without_quotation_marks_is_a_faulty_line() -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find(*PATHS, groups="path,group\nbenign/a.png,p1\nbenign/deep,er/b.jpg,p2\n")

    assert caught.value.reasons == ("line 3: more cells than columns",)


@pytest.mark.parametrize("name", ["Groups.csv", "GROUPS.CSV"])
def test_a_table_whose_name_is_in_another_case_is_not_passed_over(name: str) -> None:
    with pytest.raises(DataRejectedError, match=f"{name} is not read") as caught:
        _find(*PATHS, name)

    assert caught.value.fix == "rename it to groups.csv"


@pytest.mark.parametrize("rest", ["", "x,y\n" * 50_000], ids=["short", "longer than a cell may be"])
def test_a_file_that_is_no_csv_is_refused_and_does_not_break_the_command(rest: str) -> None:
    with pytest.raises(DataRejectedError, match=r"groups\.csv is not a valid CSV file"):
        _find(*PATHS, groups=f'path,group\n"benign/a.png,p1\n{rest}')
