"""What the search for near-duplicates keeps on disk, and how it works on it."""

import threading
from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.near_duplicates import Rows, disk_pairs, first_of_equal, neighbours
from components.near_duplicates.candidates import propose_layouts, propose_turns
from components.near_duplicates.descriptors import describe
from components.near_duplicates.disk_pairs import sorted_pairs
from components.near_duplicates.fingerprints import FINGERPRINT_LENGTH
from components.near_duplicates.threads import AHEAD, in_threads

IMAGES = 20
PAIRS = st.lists(st.lists(st.tuples(*[st.integers(0, IMAGES - 1)] * 2).map(sorted), max_size=9), max_size=5)


@given(PAIRS, st.integers(1, IMAGES))
def test_pairs_are_sorted_without_repetition(chunks: list[list[list[int]]], part: int) -> None:
    arrays = (np.array(chunk, np.int64).reshape(-1, 2) for chunk in chunks)
    with patch.object(disk_pairs, "PART_IMAGES", part):
        found = sorted_pairs(arrays, IMAGES)[:]

    expected = {(first, second) for chunk in chunks for first, second in chunk if first != second}
    assert [tuple(pair) for pair in found.tolist()] == sorted(expected)
    assert found.dtype == np.int32


def test_no_images_have_no_pairs() -> None:
    assert sorted_pairs(iter([]), 0)[:].shape == (0, 2)


@given(st.lists(st.sampled_from(["", "a", "b", "ab", "\0"])))
def test_the_first_of_equal_texts(texts: list[str]) -> None:
    expected = [texts.index(text) if text else number for number, text in enumerate(texts)]
    assert first_of_equal(iter(texts)).tolist() == expected


@pytest.mark.parametrize("propose", [propose_layouts, propose_turns])
@pytest.mark.parametrize("exact_count", [0, 4096])
def test_some_images_asking_at_a_time_propose_the_same(
    propose: Callable[..., Rows[np.int32]], exact_count: int
) -> None:
    random = np.random.default_rng(0)
    prints = random.integers(0, 256, (300, FINGERPRINT_LENGTH), np.uint8)
    prints[100:200, :-2] = np.maximum(prints[:100, :-2], 20)
    descriptions = describe(prints, np.arange(len(prints)))
    whole = propose(descriptions, exact_count)[:]

    with patch.object(neighbours, "ASKING", 128):
        in_parts = propose(descriptions, exact_count)[:]

    assert len(whole) >= 10
    assert np.array_equal(in_parts, whole)


def test_threads_keep_the_order_and_take_few_parts_ahead() -> None:
    taken = 0

    def parts() -> Iterator[int]:
        nonlocal taken
        while taken < 1000:
            yield taken
            taken += 1

    with patch("os.cpu_count", lambda: 2):
        results = in_threads(lambda part: (part, threading.get_ident()), parts())
        first = next(results)
        assert taken <= 2 * AHEAD

    assert [part for part, _ in [first, *results]] == list(range(1000))


def test_threads_raise_what_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda part: 1 // part, [1, 0]))
