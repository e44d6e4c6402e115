"""Events: one line each, read as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.events import (
    ComponentFinished,
    ComponentStarted,
    Event,
    RunFailed,
    RunFinished,
    TaskAdvanced,
    parse_event,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a\n\r\x85\u2028\"'\\{}", max_size=8)
EVENTS = st.one_of(
    st.builds(ComponentStarted, component=TEXT),
    st.builds(ComponentFinished, component=TEXT, cached=st.booleans(), seconds=st.floats(0, allow_infinity=False)),
    st.builds(TaskAdvanced, task=TEXT, advance=st.integers(), total=st.integers(), remark=TEXT),
    st.builds(RunFailed, component=TEXT, lines=st.lists(TEXT), exit_code=st.integers(), trace=TEXT),
    st.just(RunFinished()),
)


@given(EVENTS)
def test_an_event_is_one_line_and_is_read_as_it_was_written(event: Event) -> None:
    line = event.model_dump_json()

    assert "\n" not in line
    assert "\r" not in line
    assert parse_event(line) == event
    assert type(parse_event(line + "\n")) is type(event)


@pytest.mark.parametrize("line", ["", "{}", '{"kind": "other"}', '{"kind": "component_started"}', "not json"])
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValidationError):
        parse_event(line)
