"""Makes the record of a retraining from what it left behind."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from components.spans.ledger import Ledger
from pipeline.config import Config
from pipeline.retraining.folder import Refusal, RetrainingFolder, Start
from pipeline.retraining.record import Action, RetrainingRecord
from pipeline.retraining.runner import Trained

_REPORT: Final = "retraining/reports/{number:06d}/index.html"


@dataclass(frozen=True)
class Ending:
    """How a retraining ended.

    Attributes:
        published: the new version; None where none was published.
        used, trained: empty and None where nothing was trained.
    """

    action: Action
    reasons: Sequence[str]
    published: int | None = None
    used: Sequence[str] = ()
    trained: Trained | None = None


def make_record(
    ending: Ending,
    start: Start,
    age: float | None,
    ledger: Ledger,
    refused: Sequence[Refusal],
    config: Config,
    finished: datetime,
) -> RetrainingRecord:
    """Args:
    age: of the model that was served, days.
    ledger: as it is now; spans that an interrupted attempt has judged are new in this one, which has its number.
    refused: by this retraining.
    """
    added = [generation for generation in ledger.generations if generation.retraining == start.number]
    record = RetrainingRecord(
        number=start.number,
        started=start.started,
        finished=finished.isoformat(),
        action=ending.action,
        reasons=list(ending.reasons),
        spans_new=[*(each.span for each in added), *(each.span for each in refused)],
        spans_refused=[each.span for each in refused],
        spans_used=list(ending.used),
        drift=[
            *(f"{each.span}: {text}" for each in added for text in each.drift),
            *(f"{each.span}: {text}" for each in refused for text in each.drift),
        ],
        incumbent_version=start.incumbent_version,
        published_version=ending.published,
        model_age_days=age,
        configuration=hashlib.sha256(config.to_yaml().encode()).hexdigest(),
    )
    return _with_results(record, ending.trained) if ending.trained else record


def _with_results(record: RetrainingRecord, trained: Trained) -> RetrainingRecord:
    return record.model_copy(
        update={
            "images": trained.images,
            "patients": trained.patients,
            "figures": trained.figures,
            "incumbent_figures": trained.incumbent_figures,
            "report": _REPORT.format(number=record.number),
        }
    )


def model_age_days(start: Start, history: Sequence[RetrainingRecord]) -> float | None:
    """Of the model that was served at the start, which one of these has published; None where none was served."""
    if start.incumbent_version is None:
        return None
    published = next(record for record in history if record.published_version == start.incumbent_version)
    age = datetime.fromisoformat(start.started) - datetime.fromisoformat(published.finished)
    return age / timedelta(days=1)


def refused_by(start: Start, folder: RetrainingFolder) -> list[Refusal]:
    return [refusal for refusal in folder.refusals().values() if refusal.retraining == start.number]
