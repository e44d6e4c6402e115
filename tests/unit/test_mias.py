"""The mini-MIAS data set: films, and the table in `Info.txt` with all its irregular rows."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.datasets import mias
from components.datasets.registry import get_dataset
from components.datasets.spec import ImageRecord, Listing
from schema.errors import DataRejectedError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "mias"

INFO = """\
              MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY
1st column: MIAS database reference number.
                F - Fatty
                NORM - Normal
   represents the left (even filename numbers) and right mammograms
mdb007 G NORM \n\
mdb010 F CIRC B 525 425 33
mdb058 D MISC M 318 359 27
mdb059 F CIRC B
mdb144 F MISC B 233 994 29
mdb144 F ASYM M 313 540 27
mdb216 D CALC M *NOTE 3* \n\
mdb223 D CALC B 523 482 29
mdb223 D ARCH B 591 529 6
mdb239 D SPIC M 645 755 40
mdb239 D CALC B 567 808 25
=================================================================
"""


def _find(*paths: str, info: str | Mapping[str, str] = INFO) -> list[ImageRecord]:
    tables = {"Info.txt": info} if isinstance(info, str) else info
    return list(mias.find_records(Listing(paths=sorted([*paths, *tables]), read_text=tables.__getitem__)))


@pytest.mark.parametrize(
    ("path", "label", "group", "attributes"),
    [
        ("mdb007.pgm", "normal", "woman-004", {"side": "left", "density": "fatty-glandular"}),
        (
            "mdb010.pgm",
            "benign",
            "woman-005",
            {"side": "right", "density": "fatty", "finding": "circumscribed mass"},
        ),
        (
            "mdb058.pgm",
            "malignant",
            "woman-029",
            {"side": "right", "density": "dense-glandular", "finding": "other mass"},
        ),
        (
            "mdb059.pgm",
            "benign",
            "woman-030",
            {"side": "left", "density": "fatty", "finding": "circumscribed mass"},
        ),
        (
            "mdb216.pgm",
            "malignant",
            "woman-108",
            {"side": "right", "density": "dense-glandular", "finding": "calcification"},
        ),
    ],
    ids=["normal", "benign", "malignant", "without position", "with a note for the position"],
)
def test_a_film_is_what_its_row_says(path: str, label: str, group: str, attributes: dict[str, str]) -> None:
    assert _find(path) == [ImageRecord(path, label, group, None, attributes)]


@pytest.mark.parametrize(
    ("number", "label", "finding"),
    [(144, "malignant", "asymmetry"), (223, "benign", "calcification"), (239, "malignant", "spiculated mass")],
    ids=["the malignant row comes last", "equals: the first row", "the malignant row comes first"],
)
def test_the_worst_finding_of_a_film_decides(number: int, label: str, finding: str) -> None:
    (record,) = _find(f"mdb{number}.pgm")

    assert (record.label, record.attributes["finding"]) == (label, finding)


@given(st.permutations(["mdb001 F CIRC B 1 1 1", "mdb001 F SPIC M 2 2 2", "mdb002 F NORM", "some prose, mdb001 x"]))
def test_the_order_of_the_rows_does_not_matter(rows: list[str]) -> None:
    assert [(record.label, record.group) for record in _find("mdb001.pgm", "mdb002.pgm", info="\n".join(rows))] == [
        ("malignant", "woman-001"),
        ("normal", "woman-001"),
    ]


@given(st.integers(1, 322))
def test_two_films_in_a_row_are_of_one_woman_and_no_third_is(number: int) -> None:
    first = number - (number + 1) % 2  # the odd one
    names = [f"mdb{film:03d}.pgm" for film in range(max(first - 1, 1), first + 3)]

    groups = {record.path: record.group for record in _find(*names)}

    pair = {groups[f"mdb{first:03d}.pgm"], groups[f"mdb{first + 1:03d}.pgm"]}
    assert pair == {f"woman-{(first + 1) // 2:03d}"}
    assert sum(group in pair for group in groups.values()) == 2


@pytest.mark.parametrize(
    "path", ["mdb010.PGM", "MDB010.pgm", "all-mias/mdb010.pgm", "a/b/Mdb010.png"], ids=lambda path: path
)
def test_names_may_differ_in_case_folder_and_suffix(path: str) -> None:
    (record,) = _find(path)

    assert (record.label, record.group) == ("benign", "woman-005")


@pytest.mark.parametrize("table", ["Info.txt", "info.txt", "INFO.TXT", "all-mias/Info.txt", "a/b/info.TXT"])
def test_the_table_may_lie_anywhere(table: str) -> None:
    (record,) = _find("all-mias/mdb010.pgm", info={table: INFO})

    assert record.label == "benign"


def test_line_ends_of_windows_and_lower_case_rows_are_read() -> None:
    (record,) = _find("mdb010.pgm", info=INFO.lower().replace("\n", "\r\n"))

    assert (record.label, record.attributes["finding"]) == ("benign", "circumscribed mass")


def test_equal_copies_of_the_table_are_one() -> None:
    (record,) = _find("all-mias/mdb010.pgm", info={"Info.txt": INFO, "all-mias/Info.txt": INFO})

    assert record.label == "benign"


def test_different_tables_are_refused() -> None:
    with pytest.raises(DataRejectedError, match=r"holds 2 different Info\.txt") as caught:
        _find(
            "mdb010.pgm", info={"Info.txt": INFO, "old/Info.txt": INFO.replace("mdb010 F CIRC B", "mdb010 F CIRC M")}
        )

    assert caught.value.reasons == ("Info.txt", "old/Info.txt")


def test_a_film_that_the_table_does_not_name_has_no_label_but_a_woman() -> None:
    assert _find("mdb008.pgm") == [ImageRecord("mdb008.pgm", None, "woman-004", None, {"side": "right"})]


@pytest.mark.parametrize("path", ["mdb10.pgm", "mdb0010.pgm", "mdb010 copy.pgm", "mdb010_flip.pgm", "cover.png"])
def test_an_image_that_is_not_named_like_a_film_has_no_label(path: str) -> None:
    assert _find(path) == [ImageRecord(path, None)]


def test_other_files_are_left_out() -> None:
    assert _find("Licence.txt", "README", "all_mias_scans.h5") == []


def test_without_the_table_it_is_said_where_to_get_it() -> None:
    with pytest.raises(
        DataRejectedError, match=r"Info\.txt, which holds the classes of the films, is missing"
    ) as caught:
        _find("mdb010.pgm", info={})

    assert "http://peipa.essex.ac.uk/info/mias.html" in caught.value.fix


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(DataRejectedError, match=r"Info\.txt names no film"):
        _find("mdb010.pgm", info="MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY\n")


@pytest.mark.parametrize(
    "row",
    [
        "mdb010",
        "mdb010 F",
        "mdb010 X NORM",
        "mdb010 F CIRC",
        "mdb010 F CIRC 525 425 33",
        "mdb010 F CIRC BM 525 425 33",
        "mdb010 F MASS B 525 425 33",
        "mdb010 F NORM B",
        "mdb10 F NORM",
    ],
)
def test_faulty_rows_are_named_by_line(row: str) -> None:
    with pytest.raises(DataRejectedError, match=r"Info\.txt has 1 rows that cannot be read") as caught:
        _find("mdb010.pgm", info=f"mdb007 G NORM\n\n{row}\nmdb008 G NORM\n")

    assert caught.value.reasons == (f"line 3: {row}",)


def test_specification() -> None:
    spec = get_dataset("mias")

    assert (spec.labels, spec.positive_label) == (("normal", "benign", "malignant"), "malignant")
    assert spec.modality == "mammography"


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/mias is absent")
def test_real_films() -> None:
    paths = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file())
    records = mias.find_records(Listing(paths=paths, read_text=lambda path: (DATA / path).read_text()))

    assert Counter(record.label for record in records) == {"normal": 166, "benign": 50, "malignant": 42}
    assert Counter(record.attributes["density"] for record in records) == {
        "dense-glandular": 92,
        "fatty": 90,
        "fatty-glandular": 76,
    }
    assert Counter(record.attributes.get("finding") for record in records) == {
        None: 166,
        "calcification": 20,
        "circumscribed mass": 18,
        "architectural distortion": 17,
        "spiculated mass": 16,
        "asymmetry": 11,
        "other mass": 10,
    }
    assert Counter(record.attributes["side"] for record in records) == {"left": 129, "right": 129}
    assert set(Counter(record.group for record in records).values()) == {2}
