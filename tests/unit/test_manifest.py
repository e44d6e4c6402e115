"""The manifest: it survives its files, whatever the names, and answers what is asked of it."""

import csv
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.manifest import (
    FILE_NAME,
    PAIRS_FILE_NAME,
    ManifestEntry,
    SimilarPair,
    file_of,
    groups_of,
    images_per_class,
    read_manifest,
    read_pairs,
    write_manifest,
)
from schema import contract

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a,\"'\n\r\t\\;=äß\x00\u2028 ", max_size=8)
NUMBERS = st.floats(0, 1) | st.floats(allow_nan=False)
OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(0, 2**40),
    float: NUMBERS,
    bool: st.booleans(),
}
ATTRIBUTES = st.dictionaries(st.sampled_from(contract.ATTRIBUTES) | TEXT, TEXT, max_size=3)
ENTRIES = st.builds(
    ManifestEntry,
    **{column.name: OF_TYPE.get(column.type, ATTRIBUTES) for column in fields(ManifestEntry)},
)
PAIRS = st.builds(SimilarPair, **{column.name: OF_TYPE[column.type] for column in fields(SimilarPair)})


def entry(source: str, label: str = "a", split: str = "train", **changes: Any) -> ManifestEntry:
    return ManifestEntry(source, label, **({"group": f"of {source}", "split": split} | changes))


@given(
    st.lists(ENTRIES, max_size=4, unique_by=lambda e: e.source),
    st.lists(PAIRS, max_size=4, unique_by=lambda pair: (pair.first, pair.second)),
)
def test_round_trip_with_any_values(
    tmp_path_factory: pytest.TempPathFactory, entries: list[ManifestEntry], pairs: list[SimilarPair]
) -> None:
    directory = str(tmp_path_factory.getbasetemp())

    write_manifest(entries, pairs, directory)

    assert read_manifest(directory) == sorted(entries, key=lambda e: e.source)
    assert read_pairs(directory) == sorted(pairs, key=lambda pair: (pair.first, pair.second))


@given(
    st.lists(ENTRIES, max_size=4, unique_by=lambda e: e.source),
    st.lists(PAIRS, max_size=4, unique_by=lambda pair: (pair.first, pair.second)),
    st.randoms(use_true_random=False),
)
def test_the_files_do_not_depend_on_the_order(
    tmp_path_factory: pytest.TempPathFactory, entries: list[ManifestEntry], pairs: list[SimilarPair], random: Random
) -> None:
    directory = tmp_path_factory.getbasetemp()

    def written(entries: list[ManifestEntry], pairs: list[SimilarPair]) -> list[bytes]:
        write_manifest(entries, pairs, str(directory))
        return [(directory / name).read_bytes() for name in (FILE_NAME, PAIRS_FILE_NAME)]

    first = written(entries, pairs)

    assert written(random.sample(entries, len(entries)), random.sample(pairs, len(pairs))) == first


def test_types_come_back(tmp_path: Path) -> None:
    full = entry("a.png", height=3, mean=0.1 + 0.2, wrapped=1.0, attributes={"view": "CC", "site": 'ä "1"\n'})

    write_manifest([full, entry("b.png")], [SimilarPair("a", "b", 1.0, "", True)], str(tmp_path))

    first, second = read_manifest(str(tmp_path))
    assert first == full
    assert (type(first.height), type(first.mean), first.mean) == (int, float, 0.30000000000000004)
    assert (first.attributes, second.attributes) == ({"view": "CC", "site": 'ä "1"\n'}, {})
    (pair,) = read_pairs(str(tmp_path))
    assert pair.same_picture is True


@pytest.mark.parametrize("same_picture", [True, False])
def test_the_files_are_tables_for_people(tmp_path: Path, same_picture: bool) -> None:
    entries = [entry("b.png"), entry("a,b.png", dropped="why", attributes={"view": "CC"})]
    write_manifest(entries, [SimilarPair("b.png", "c", 0.5, "mirrored", same_picture)], str(tmp_path))

    with (tmp_path / FILE_NAME).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [column.name for column in fields(ManifestEntry)]
    assert [(row["source"], row["dropped"], row["attributes"], row["split"]) for row in rows] == [
        ("a,b.png", "why", '{"view": "CC"}', "train"),
        ("b.png", "", "{}", "train"),
    ]
    assert (tmp_path / PAIRS_FILE_NAME).read_text() == (
        f'"first","second","similarity","change","same_picture"\n"b.png","c",0.5,"mirrored",{same_picture}\n'
    )


def test_no_images_no_rows(tmp_path: Path) -> None:
    write_manifest([], [], str(tmp_path))

    assert (read_manifest(str(tmp_path)), read_pairs(str(tmp_path))) == ([], [])


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        (lambda e: e, True),
        (lambda e: replace(e, split=""), True),
        (lambda e: replace(e, fault="torn"), False),
        (lambda e: replace(e, unlabelled="?"), False),
        (lambda e: replace(e, dropped="why"), False),
    ],
)
def test_an_image_is_usable_without_fault_with_a_class_and_unless_dropped(
    change: Callable[[ManifestEntry], ManifestEntry], usable: bool
) -> None:
    assert change(entry("x")).usable is usable


@pytest.mark.parametrize(
    ("source", "file"), [("a/1.png", "a/1.png"), ("a/1.tif#page=12", "a/1.tif"), ("a#b/page=1.png", "a#b/page=1.png")]
)
def test_the_file_of_an_image(source: str, file: str) -> None:
    assert file_of(source) == file


def test_counts_and_groups_of_a_split() -> None:
    manifest = [
        entry("1", "a", group="x"),
        entry("2", "b", group="x"),
        entry("3", "b", group="y"),
        entry("4", "b", "test", group="z"),
        entry("5", "a", "", group="w", dropped="why"),
    ]

    assert images_per_class(manifest, "train", ["b", "a", "c"]) == {"b": 2, "a": 1, "c": 0}
    assert list(images_per_class(manifest, "train", ["b", "a"])) == ["b", "a"]
    assert images_per_class(manifest, "test", ["a", "b"]) == {"a": 0, "b": 1}
    assert groups_of(manifest, "train") == {"x", "y"}
    assert groups_of(manifest, "test") == {"z"}
    assert groups_of(manifest, "eval") == set()
