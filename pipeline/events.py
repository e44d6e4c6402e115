"""What a run tells its watcher: one JSON object a line, from the process that runs it to the one that shows it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComponentStarted(_Event):
    kind: Literal["component_started"] = "component_started"
    component: str


class ComponentFinished(_Event):
    """Attributes: cached: an earlier result was taken; seconds: wall time."""

    kind: Literal["component_finished"] = "component_finished"
    component: str
    cached: bool
    seconds: float


class TaskAdvanced(_Event):
    """`advance` further units of a task of `total`."""

    kind: Literal["task_advanced"] = "task_advanced"
    task: str
    advance: int
    total: int
    remark: str


class RunFailed(_Event):
    """Why the run ended early.

    Attributes:
        component: that was running; empty where none was.
        lines: the message for people.
        exit_code: of the command.
        trace: the Python traceback.
    """

    kind: Literal["run_failed"] = "run_failed"
    component: str
    lines: list[str]
    exit_code: int
    trace: str


class RunFinished(_Event):
    kind: Literal["run_finished"] = "run_finished"


Event = Annotated[
    ComponentStarted | ComponentFinished | TaskAdvanced | RunFailed | RunFinished,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def parse_event(line: str) -> Event:
    return _ADAPTER.validate_json(line)
