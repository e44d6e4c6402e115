"""A manifest on disk."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.image_example_gen.disk_entries import DiskEntries
from components.manifest import ManifestEntry, select

ATTRIBUTES = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
OF_TYPE = {str: st.text(max_size=8), int: st.integers(0, 2**31), float: st.floats(0, 1)}
ENTRIES = st.builds(
    ManifestEntry,
    **{column.name: OF_TYPE.get(column.type, ATTRIBUTES) for column in fields(ManifestEntry)},
)


@given(st.lists(ENTRIES, max_size=6))
def test_entries_come_back_as_they_were_and_in_their_order(entries: list[ManifestEntry]) -> None:
    on_disk = DiskEntries(iter(entries))

    assert list(on_disk) == entries
    assert list(reversed(on_disk)) == entries[::-1]
    assert (len(on_disk), bool(on_disk)) == (len(entries), bool(entries))


def test_they_are_asked_for_as_those_of_a_list() -> None:
    entries = [ManifestEntry(f"{number}.png") for number in range(5)]
    on_disk = DiskEntries(entries)

    assert (on_disk[0], on_disk[4], on_disk[-1], on_disk[-5]) == (entries[0], entries[4], entries[4], entries[0])
    assert list(on_disk[1:4]) == entries[1:4]
    assert list(on_disk[::-2]) == entries[::-2]
    for row in (5, -6):
        with pytest.raises(IndexError):
            on_disk[row]


def test_a_selection_holds_no_copies() -> None:
    entries = DiskEntries(ManifestEntry(f"{number}.png", levels=number) for number in range(6))

    odd = select(entries, lambda entry: entry.levels % 2 == 1)

    assert [entry.source for entry in odd] == ["1.png", "3.png", "5.png"]
    assert [entry.source for entry in odd[1:]] == ["3.png", "5.png"]
    assert [entry.source for entry in select(odd, lambda entry: entry.levels > 1)] == ["3.png", "5.png"]
    assert odd[-1] == entries[5]
    assert entries[0] not in odd
    with pytest.raises(IndexError):
        odd[3]
