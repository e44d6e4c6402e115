"""Images named by `manifest.csv`: what is read from it, and which faults of it are told."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import csv_manifest
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError

PATHS = ("a.png", "deep/b c.jpg", "deep/d,e.png", "notes.txt")


def _find(manifest: str, *paths: str) -> list[ImageRecord]:
    listing = Listing(paths=[*(paths or PATHS), "manifest.csv"], read_text={"manifest.csv": manifest}.__getitem__)
    return list(csv_manifest.find_records(listing))


def _faults(manifest: str) -> tuple[str, ...]:
    with pytest.raises(DataRejectedError, match=r"manifest\.csv has \d faulty lines") as caught:
        _find(manifest)
    assert caught.value.fix == "correct manifest.csv"
    return caught.value.reasons


def test_path_and_label_are_enough() -> None:
    assert _find("path,label\ndeep/b c.jpg,malignant\na.png,benign\n") == [
        ImageRecord("a.png", "benign"),
        ImageRecord("deep/b c.jpg", "malignant"),
    ]


def test_all_columns() -> None:
    header = "label,path,group,split,view,side,magnification,density,finding,site,device"
    row = "benign,a.png,p1,train,CC,left,40X,fatty,mass,Oslo,scanner 3"

    assert _find(f"{header}\n{row}\n") == [
        ImageRecord(
            "a.png",
            "benign",
            "p1",
            "train",
            {
                "view": "CC",
                "side": "left",
                "magnification": "40X",
                "density": "fatty",
                "finding": "mass",
                "site": "Oslo",
                "device": "scanner 3",
            },
        )
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        "path,label\na.png,benign\n",
        "\ufeffpath,label\r\na.png,benign\r\n",
        "path,label\ra.png,benign",
        'label,path\n"benign"," a.png "\n\n,\n',
    ],
    ids=["unix", "windows", "old macintosh", "quotes and blank lines"],
)
def test_any_usual_csv_is_read(manifest: str) -> None:
    assert _find(manifest) == [ImageRecord("a.png", "benign")]


def test_an_image_that_the_manifest_does_not_name_is_no_part_of_the_data_set() -> None:
    assert [record.path for record in _find("path,label\na.png,benign\n")] == ["a.png"]


def test_empty_labels_and_attributes_are_unknown() -> None:
    assert _find("path,label,view,side\na.png,,,left\ndeep/b c.jpg\n") == [
        ImageRecord("a.png", None, None, None, {"side": "left"}),
        ImageRecord("deep/b c.jpg", None),
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("eval", "eval"),
        ("validation", "eval"),
        ("val", "eval"),
        ("valid", "eval"),
        ("dev", "eval"),
        ("test", "test"),
        ("Train", "train"),
        ("TEST", "test"),
    ],
)
def test_splits(name: str, split: str) -> None:
    (record,) = _find(f"path,label,split\na.png,benign,{name}\n")

    assert record.split == split


@given(
    st.dictionaries(
        st.sampled_from(PATHS[:3]),
        st.tuples(*[st.text("abc ,;\"'äß9", min_size=1).filter(str.strip)] * 3),
        min_size=1,
    )
)
def test_values_may_be_any_text(rows: dict[str, tuple[str, str, str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(
        [("path", "label", "group", "site"), *((path, *values) for path, values in rows.items())]
    )

    assert _find(buffer.getvalue()) == [
        ImageRecord(path, label.strip(), group.strip(), None, {"site": site.strip()})
        for path, (label, group, site) in sorted(rows.items())
    ]


def test_faulty_paths_are_all_named_by_line() -> None:
    manifest = (
        "path,label\n"
        ",benign\n"
        "/data/a.png,benign\n"
        "../a.png,benign\n"
        "deep/../a.png,benign\n"
        "gone.png,benign\n"
        "notes.txt,benign\n"
        "a.png,benign\n"
        "a.png,malignant\n"
        ",malignant\n"
        "A.png,benign\n"
        "deep/d,e.png,benign\n"
    )

    assert _faults(manifest.replace("deep/d,e.png", '"deep/d,e.png"')) == (
        "line 2: the path is empty",
        "line 3: /data/a.png is not relative to the data folder, or leaves it",
        "line 4: ../a.png is not relative to the data folder, or leaves it",
        "line 5: deep/../a.png is not relative to the data folder, or leaves it",
        "line 6: there is no file gone.png in the data folder",
        "line 7: notes.txt is no image by its suffix",
        "line 9: a.png is named on line 8 already",
        "line 10: the path is empty",
        "line 11: there is no file A.png in the data folder",
    )
    assert _faults(manifest) == ("line 12: more cells than columns",)


def test_where_there_is_a_column_for_group_or_split_each_image_needs_a_value() -> None:
    assert _faults("path,label,group\na.png,benign,\n") == ("line 2: the group is empty",)
    assert _faults("path,label,split\na.png,benign,\ndeep/b c.jpg,benign,holdout\n") == (
        "line 2: the split '' is none of train, eval, test",
        "line 3: the split 'holdout' is none of train, eval, test",
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "path",
        "label,group",
        "path;label",
        "Path,Label",
        "path,label,patient_name",
        "path,label,",
        "path,label,path",
    ],
)
def test_missing_other_and_repeated_columns_are_refused(header: str) -> None:
    with pytest.raises(DataRejectedError, match=r"manifest\.csv has the columns") as caught:
        _find(f"{header}\n")

    assert caught.value.fix == (
        "its first line must name the columns path, label, each once, separated by commas; besides, only "
        "group, split, view, side, magnification, density, finding, site, device are allowed"
    )


def test_no_value_of_a_refused_column_is_shown() -> None:
    with pytest.raises(DataRejectedError) as caught:
        _find("path,label,patient_name\na.png,benign,Jane Doe\n")

    assert "Jane" not in str(caught.value)


def test_a_missing_manifest_is_told() -> None:
    with pytest.raises(DataRejectedError, match=r"The data folder has no manifest\.csv") as caught:
        csv_manifest.find_records(Listing(paths=["a.png"], read_text={}.__getitem__))

    assert caught.value.fix == "write one with the columns path, label, and a line for each image"


def test_a_manifest_whose_name_is_in_another_case_is_not_passed_over() -> None:
    with pytest.raises(DataRejectedError, match=r"Manifest\.csv is not read"):
        csv_manifest.find_records(Listing(paths=["Manifest.csv", "a.png"], read_text={}.__getitem__))


def test_an_open_quotation_mark_is_told() -> None:
    with pytest.raises(DataRejectedError, match=r"manifest\.csv is not a valid CSV file"):
        _find('path,label\n"a.png,benign\n')


def test_specification() -> None:
    spec = get_dataset("csv")

    assert (spec.labels, spec.positive_label, spec.modality) == ((), "", "any")
