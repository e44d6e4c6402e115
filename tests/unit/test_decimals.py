"""Decimals enough to see what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.measures.decimals import MOST, decimals_to_tell


@pytest.mark.parametrize(
    ("value", "bound", "decimals"),
    [
        (0.9, 0.8, 3),
        (0.79964, 0.8, 4),
        (0.8, 0.8, 3),
        (0.800000001, 0.8, 3),  # rounding error
        (0.799999, 0.8, 6),
        (0.9, 0.8125, 4),
        (None, 0.85, 3),
        (float("nan"), 0.85, 3),
    ],
)
def test_decimals(value: float | None, bound: float, decimals: int) -> None:
    assert decimals_to_tell(value, bound) == decimals


@given(st.floats(-1, 1), st.integers(0, 1000).map(lambda thousandths: thousandths / 1000))
def test_a_value_that_misses_its_bound_never_looks_like_it(value: float, bound: float) -> None:
    decimals = decimals_to_tell(value, bound)

    if round(value - bound, MOST) != 0 and decimals < MOST:
        assert f"{value:.{decimals}f}" != f"{bound:.{decimals}f}"
    assert float(f"{bound:.{decimals}f}") == bound
