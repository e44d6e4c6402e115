"""How a step says how far it is: through a logger, so that it need not know who listens."""

import logging
from dataclasses import dataclass
from typing import Final

LOGGER_NAME: Final = "breast_imaging.progress"
RECORD_ATTRIBUTE: Final = "breast_imaging_progress"


@dataclass(frozen=True)
class Progress:
    """`advance` further units of a task of `total`, with a short remark such as the last epoch's metrics."""

    task: str
    advance: int
    total: int
    remark: str = ""


def report_progress(progress: Progress) -> None:
    logging.getLogger(LOGGER_NAME).info(
        "%s: %d more of %d %s",
        progress.task,
        progress.advance,
        progress.total,
        progress.remark,
        extra={RECORD_ATTRIBUTE: progress},
    )
