"""What one retraining did, and why: a line of the history, and the message of an alert."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Action = Literal["skipped", "span_refused", "rejected", "published", "failed"]


class RetrainingRecord(BaseModel):
    """One retraining.

    Attributes:
        number: counts from 1, without gaps.
        started, finished: ISO 8601, UTC.
        action: `skipped` where nothing was trained; `span_refused` where a span was refused and nothing published;
            `rejected` where the model was trained and not blessed; `published`; `failed` where an error ended it.
        reasons: of the action, one sentence each.
        spans_new: looked at for the first time, refused ones too.
        spans_refused: of those, the ones that no model is trained on.
        spans_used: all accepted spans whose images the run had; empty where nothing was trained.
        drift: one sentence for each feature by which a new span differs from the accepted data.
        images, patients: by split, of what the run had; groups count as patients where the data name none.
        figures: of the candidate on test: `test_auc`, `test_recall`, `test_specificity`, each with `_low` and
            `_high`, the ends of its 95 % interval, where these are defined; and `test_auc_change`, likewise, what it
            is better by than the model it would replace.
        incumbent_figures: `test_auc`, `test_recall`, `test_specificity` of the model it would replace, on the same
            images.
        incumbent_version: the version that was served before; None for the first.
        published_version: the new one; None where none was published.
        model_age_days: of the incumbent, when the retraining started.
        report: path of its report, relative to the output folder; empty where there is none.
        configuration: SHA-256 of the whole configuration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    number: int
    started: str
    finished: str
    action: Action
    reasons: list[str]
    spans_new: list[str] = []
    spans_refused: list[str] = []
    spans_used: list[str] = []
    drift: list[str] = []
    images: dict[str, int] = {}
    patients: dict[str, int] = {}
    figures: dict[str, float] = {}
    incumbent_figures: dict[str, float] = {}
    incumbent_version: int | None = None
    published_version: int | None = None
    model_age_days: float | None = None
    report: str = ""
    configuration: str
