"""Rows on disk answer as an array in memory does."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.near_duplicates import DiskRows
from tests.images import noise


@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 40), max_size=12), st.data())
def test_they_answer_as_an_array_does(sizes: list[int], wanted: list[int], data: st.DataObject) -> None:
    parts = [noise(size, 3, 5, seed=number).astype(np.float16) for number, size in enumerate(sizes)]
    array = np.concatenate([np.empty((0, 3, 5), np.float16), *parts])
    rows = DiskRows((3, 5), np.float16)
    for part in parts:
        rows.append(part)
    positions = np.array([position % len(array) for position in wanted] if len(array) else [], np.intp)
    part = data.draw(st.slices(len(array)))

    assert len(rows) == len(array)
    np.testing.assert_array_equal(rows[positions], array[positions])
    np.testing.assert_array_equal(rows[part], array[part])
    assert rows[positions].dtype == np.float16


@pytest.mark.parametrize("position", [-1, 4])
def test_a_row_that_there_is_not_is_an_error(position: int) -> None:
    rows = DiskRows((2,), np.uint8)
    rows.append(noise(4, 2))

    with pytest.raises(IndexError, match=f"row {position} of 4"):
        rows[np.array([0, position])]


@pytest.mark.parametrize("wrong", [noise(2, 3), noise(2, 2).astype(np.int8), noise(2, 2, 1)])
def test_rows_of_another_kind_are_refused(wrong: np.ndarray) -> None:
    rows = DiskRows((2,), np.uint8)

    with pytest.raises(ValueError, match="expected uint8"):
        rows.append(wrong)
    assert len(rows) == 0


def test_threads_read_at_the_same_time() -> None:
    array = noise(500, 100)
    rows = DiskRows((100,), np.uint8)
    rows.append(array)
    orders = [np.random.default_rng(seed).permutation(500) for seed in range(4)]
    wrong: list[int] = []

    def read(order: np.ndarray) -> None:
        for _ in range(20):
            if not np.array_equal(rows[order], array[order]):
                wrong.append(1)

    threads = [threading.Thread(target=read, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
