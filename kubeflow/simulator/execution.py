"""How the tasks of a run ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2 as pb


class Status(StrEnum):
    SUCCEEDED = "succeeded"
    CACHED = "cached"
    KEPT = "kept"  # from before the run was tried again
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Execution:
    """One task that has ended.

    Attributes:
        task: its name, with those of the tasks around it: `outer/inner`.
        outputs: an ExecutorOutput as ML Metadata has it: artifacts without types, and parameters.
        titles: of the types of its output artifacts, by output.
        seconds: from its start to its end, all attempts together.
        attempts: how often its container ran.
        exit_code: of the last attempt.
        log: what that printed; None where no container ran.
        reason: why it was skipped or failed, in words.
    """

    task: str
    status: Status
    outputs: Any = field(default_factory=pb.ExecutorOutput)
    titles: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 0
    exit_code: int = 0
    log: Path | None = None
    reason: str = ""

    @property
    def completed(self) -> bool:
        """Whether what waits for its success may run."""
        return self.status in {Status.SUCCEEDED, Status.CACHED, Status.KEPT}
