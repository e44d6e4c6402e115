"""The manifest: it survives its file, whatever the names, and answers what is asked of it."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.image_example_gen.manifest import (
    FILE_NAME,
    PATIENT,
    SIMILARITY,
    ManifestEntry,
    groups_of,
    images_per_class,
    label_conflicts,
    read_manifest,
    write_manifest,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a,\"'\n\r\t\\;=äß\x00 ", max_size=8)
NUMBERS = st.integers(0, 2**40)
ENTRIES = st.builds(
    ManifestEntry, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, NUMBERS, NUMBERS, NUMBERS, NUMBERS, dropped=TEXT
)


def entry(source: str, label: str = "a", split: str = "train", *, pixels: str = "", **changes: str) -> ManifestEntry:
    values = {"group": f"of {source}", "dropped": ""} | changes
    return ManifestEntry(
        source, label, values["group"], split, "file", pixels or f"of {source}", 8, 9, 1, 8, values["dropped"]
    )


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=6))
def test_round_trip_with_any_text(tmp_path_factory: pytest.TempPathFactory, entries: list[ManifestEntry]) -> None:
    directory = str(tmp_path_factory.getbasetemp())

    write_manifest(entries, directory)

    assert read_manifest(directory) == sorted(entries, key=lambda e: e.source)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=6, unique_by=lambda e: e.source), st.randoms(use_true_random=False))
def test_the_file_does_not_depend_on_the_order(
    tmp_path_factory: pytest.TempPathFactory, entries: list[ManifestEntry], random: Random
) -> None:
    directory = tmp_path_factory.getbasetemp()
    shuffled = list(entries)
    random.shuffle(shuffled)

    write_manifest(entries, str(directory))
    first = (directory / FILE_NAME).read_bytes()
    write_manifest(shuffled, str(directory))

    assert (directory / FILE_NAME).read_bytes() == first


def test_the_file_is_a_table_for_people(tmp_path: Path) -> None:
    write_manifest([entry("b.png"), entry("a,b.png", dropped="why")], str(tmp_path))

    header, first, second, end = (tmp_path / FILE_NAME).read_text("utf-8").split("\n")

    assert header.replace('"', "") == (
        "source,label,group,split,sha256,pixel_sha256,height,width,channels,bit_depth,dropped,grouped_by"
    )
    assert first.startswith('"a,b.png",')
    assert first.replace('"', "").endswith(",8,9,1,8,why,patient")
    assert second.replace('"', "").startswith("b.png,a,of b.png,train,file,of b.png,8,9,1,8,")
    assert end == ""


def test_label_conflicts_are_images_of_one_content_with_several_labels() -> None:
    same = [entry("z", "a", pixels="1"), entry("b", "b", pixels="1"), entry("c", "a", pixels="1")]
    others = [entry("d", "a", pixels="2"), entry("e", "a", pixels="2"), entry("f", "b", pixels="3")]
    more = [entry("a2", "b", pixels="4"), entry("a1", "a", pixels="4")]

    found = label_conflicts([*same, *others, *more])

    assert [[e.source for e in conflict] for conflict in found] == [["a1", "a2"], ["b", "c", "z"]]


def test_counts_and_groups_of_a_split() -> None:
    manifest: Sequence[ManifestEntry] = [
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


def _alike(source: str, label: str, grouped_by: str) -> ManifestEntry:
    return ManifestEntry(source, label, "one group", "train", "", f"pixels of {source}", 8, 8, 1, 8, "", grouped_by)


def test_near_duplicates_with_two_labels_are_a_conflict() -> None:
    alike = [_alike("b.png", "benign", SIMILARITY), _alike("a.png", "malignant", SIMILARITY)]

    assert [[entry.source for entry in same] for same in label_conflicts(alike)] == [["a.png", "b.png"]]
    assert label_conflicts([_alike("a.png", "benign", SIMILARITY), _alike("b.png", "benign", SIMILARITY)]) == []


def test_two_labels_of_one_patient_are_no_conflict() -> None:
    films = [_alike("left.png", "normal", PATIENT), _alike("right.png", "malignant", PATIENT)]

    assert label_conflicts(films) == []
