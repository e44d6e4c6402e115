"""Version folders and policies."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.version_folders import All, Latest, Specific, VersionPolicy, find_versions

numbers = st.sets(st.integers(0, 50))


def make(base: Path, *names: str) -> None:
    for name in names:
        (base / name).mkdir()
        (base / name / "saved_model.pb").touch()


def test_complete_numeric_folders_are_versions(tmp_path: Path) -> None:
    make(tmp_path, "1", "20", "latest", "-3", "1.5", "²", ".staging-4", "9" * 30)
    (tmp_path / "7").mkdir()  # without a SavedModel
    (tmp_path / "8").touch()

    assert find_versions(tmp_path) == {1: tmp_path / "1", 20: tmp_path / "20"}


def test_of_two_spellings_of_a_version_the_plain_one_counts(tmp_path: Path) -> None:
    make(tmp_path, "007", "7")

    assert find_versions(tmp_path) == {7: tmp_path / "7"}


def test_a_base_that_is_gone_has_no_versions(tmp_path: Path) -> None:
    assert find_versions(tmp_path / "gone") == {}


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        (Latest(), {9}),
        (Latest(2), {5, 9}),
        (Latest(7), {1, 5, 9}),
        (All(), {1, 5, 9}),
        (Specific(frozenset({1, 4})), {1}),
    ],
)
def test_policies(policy: VersionPolicy, chosen: set[int]) -> None:
    assert policy.select([5, 9, 1]) == chosen


@given(numbers, st.integers(1, 5))
def test_the_latest_are_never_older_than_the_others(versions: set[int], count: int) -> None:
    chosen = Latest(count).select(versions)

    assert len(chosen) == min(count, len(versions))
    assert all(each > other for each in chosen for other in versions - chosen)
