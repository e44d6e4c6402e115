"""Errors: what a reader sees, and that they survive the way between processes."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import (
    SHOWN_REASONS,
    BreastImagingError,
    ConfigurationError,
    DataRejectedError,
    ModelNotBlessedError,
    PublishingError,
)

EXIT_CODES = {
    BreastImagingError: 1,
    PublishingError: 1,
    DataRejectedError: 2,
    ModelNotBlessedError: 3,
    ConfigurationError: 4,
}


@pytest.mark.parametrize(("kind", "exit_code"), EXIT_CODES.items())
def test_each_error_has_the_documented_exit_code(kind: type[BreastImagingError], exit_code: int) -> None:
    assert kind("what", fix="fix").exit_code == exit_code


def test_message_names_what_happened_each_reason_and_what_to_do() -> None:
    error = DataRejectedError("Two files are broken.", fix="repair them", reasons=["a.png: empty", "b.png: torn"])

    assert str(error) == "Two files are broken.\n  - a.png: empty\n  - b.png: torn\nWhat to do: repair them"


@pytest.mark.parametrize(
    ("reasons", "more"), [(SHOWN_REASONS - 1, None), (SHOWN_REASONS, None), (SHOWN_REASONS + 1, "  ... and 1 more")]
)
def test_a_long_list_of_reasons_is_cut(reasons: int, more: str | None) -> None:
    error = BreastImagingError("what", fix="fix", reasons=[f"reason {number}" for number in range(reasons)])

    shown = [line for line in error.lines() if line.startswith("  - ")]
    assert shown == [f"  - reason {number}" for number in range(min(reasons, SHOWN_REASONS))]
    assert [line for line in error.lines() if line.startswith("  ...")] == ([more] if more else [])
    assert len(error.reasons) == reasons


@given(
    kind=st.sampled_from(list(EXIT_CODES)),
    what=st.text(),
    fix=st.text(),
    reasons=st.lists(st.text(), max_size=30),
)
def test_an_error_survives_pickling_and_copying(
    kind: type[BreastImagingError], what: str, fix: str, reasons: list[str]
) -> None:
    error = kind(what, fix=fix, reasons=reasons)

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert (twin.what, twin.fix, twin.reasons) == (what, fix, tuple(reasons))
        assert str(twin) == str(error)
