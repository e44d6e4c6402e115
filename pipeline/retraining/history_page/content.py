"""What the history page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.retraining.record import RetrainingRecord


@dataclass(frozen=True)
class HistoryContent:
    """Attributes:
    name: of the configuration.
    created: now, with its time zone.
    records: in their order.
    spans: all that are in the data folder now.
    waiting: spans that were accepted, and that no model was trained on yet.
    incomplete: spans that are still being written.
    maximum_age_days: of a published model; None where there is no limit.
    failed_alerts: why alerts were not delivered, by number of the retraining.
    """

    name: str
    created: datetime
    records: Sequence[RetrainingRecord]
    spans: Sequence[str] = ()
    waiting: Sequence[str] = ()
    incomplete: Sequence[str] = ()
    maximum_age_days: float | None = None
    failed_alerts: Mapping[int, Sequence[str]] = field(default_factory=dict)
