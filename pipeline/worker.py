"""The process that runs the graph for the console command, apart from it so that its output goes to a log.

Reads a line of JSON from standard input, ends when that closes, and writes events to the file descriptor named in it.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipeline.config import Config
from pipeline.events import Event, RunFailed, RunFinished
from pipeline.heavy_imports import heavy_imports
from pipeline.output import OutputFolder


class RunJob(BaseModel):
    """From the folder to a published model."""

    kind: Literal["run"] = "run"


class CrossValidationJob(BaseModel):
    """Group-wise cross-validation."""

    kind: Literal["cross-validation"] = "cross-validation"
    folds: int


class EvaluationJob(BaseModel):
    """Evaluation of an exported model. Attributes: model: its folder, or the one that holds its versions."""

    kind: Literal["evaluation"] = "evaluation"
    model: Path


class RetrainingJob(BaseModel):
    """From the spans in a folder to a record of what was done."""

    kind: Literal["retraining"] = "retraining"


Job = Annotated[RunJob | CrossValidationJob | EvaluationJob | RetrainingJob, Field(discriminator="kind")]


class WorkerTask(BaseModel):
    """What to run. Attributes: events: an open file descriptor to write events to."""

    job: Job
    config: Config
    data: Path
    output: Path
    events: int


def main() -> int:
    task = WorkerTask.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(task.events, "w", buffering=1) as stream:

        def emit(event: Event) -> None:
            stream.write(event.model_dump_json() + "\n")

        return _run(task, emit)


def _end_with_parent() -> None:
    """Waits for the end of standard input, which is that of the process that started this one."""
    os.read(sys.stdin.fileno(), 1)  # not through the buffer, whose lock the interpreter wants when it ends
    os.killpg(os.getpid(), signal.SIGKILL)


def _run(task: WorkerTask, emit: Callable[[Event], None]) -> int:
    # The heavy imports belong to this process alone, and a failing one is reported like any failure.
    with heavy_imports():
        from pipeline.failures import explain
        from pipeline.listener import RunListener, listening

    listener = RunListener(emit)
    try:
        with heavy_imports():
            from pipeline.local import cross_validate_locally, evaluate_locally, run_locally

        output = OutputFolder(task.output)
        with listening(listener):
            match task.job:
                case RunJob():
                    run_locally(task.config, task.data, output)
                case CrossValidationJob(folds=folds):
                    cross_validate_locally(task.config, task.data, output, folds)
                case EvaluationJob(model=model):
                    evaluate_locally(task.config, task.data, output, model)
                case RetrainingJob():
                    from pipeline.retraining.local import retrain_locally

                    retrain_locally(task.config, task.data, output)
    except Exception as error:  # noqa: BLE001  the boundary where every failure becomes a message
        explained = explain(error)
        emit(
            RunFailed(
                component=listener.component,
                lines=list(explained.lines()),
                exit_code=explained.exit_code,
                trace=traceback.format_exc(),
            )
        )
        traceback.print_exc()
        return explained.exit_code
    emit(RunFinished())
    return 0


if __name__ == "__main__":
    sys.exit(main())
