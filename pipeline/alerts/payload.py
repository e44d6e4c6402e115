"""What is told: counts, figures and names of spans. No patient, no image, no folder of this machine."""

import html
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict

from pipeline.retraining.record import Action, RetrainingRecord

_SENTENCES: Final[Mapping[Action, str]] = {
    "skipped": "nothing was trained",
    "span_refused": "data were refused",
    "rejected": "the new model was rejected, and the served one stays",
    "published": "a new model was published",
    "failed": "it failed, and the served model stays",
}
_FIGURES: Final = {"test_auc": "AUC", "test_recall": "recall"}


class Alert(BaseModel):
    """The payload. What is in it is chosen here, so that a new field of the record does not leave by itself.

    Sentences of the record stay behind, and are counted: they may name files, and files patients.

    Attributes:
        version: of this layout.
        identifier: the same for each attempt to deliver one alert, and for no other alert.
        test: whether nothing happened and somebody tries the alerts.
        pipeline: `name` of the configuration.
        text: all of it in a sentence or two.
        number: of the retraining.
        reasons: how many reasons the history page gives.
        drift: how many findings of drift the history page gives.
        figures: of the new model on the test split.
        report: of the retraining, below the output folder; empty where there is none.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    identifier: str
    event: Literal["retraining"] = "retraining"
    test: bool
    pipeline: str
    text: str
    number: int
    action: Action
    started: str
    finished: str
    reasons: int
    spans_new: list[str]
    spans_refused: list[str]
    spans_used: list[str]
    drift: int
    images: dict[str, int]
    patients: dict[str, int]
    figures: dict[str, float]
    incumbent_figures: dict[str, float]
    incumbent_version: int | None
    published_version: int | None
    model_age_days: float | None
    report: str

    def as_record(self) -> bytes:
        """UTF-8 JSON of all fields."""
        return self.model_dump_json().encode("utf-8")

    def as_text(self) -> bytes:
        """UTF-8 JSON `{"text": ...}`, in which chat programs find no mark-up of theirs."""
        return json.dumps({"text": html.escape(self.text, quote=False)}).encode("utf-8")


def make_alert(record: RetrainingRecord, pipeline: str, *, test: bool) -> Alert:
    values = record.model_dump(include=set(Alert.model_fields) - {"reasons", "drift", "report"})
    return Alert(
        **values,
        identifier=str(uuid5(NAMESPACE_URL, f"{pipeline}/{record.number}/{record.finished}/{test}")),
        test=test,
        pipeline=pipeline,
        text=_describe(record, pipeline, test),
        reasons=len(record.reasons),
        drift=len(record.drift),
        report="" if PurePosixPath(record.report).is_absolute() else record.report,
    )


def _describe(record: RetrainingRecord, pipeline: str, test: bool) -> str:
    sentences = [f"{pipeline}, retraining {record.number}: {_SENTENCES[record.action]}."]
    if test:
        sentences.insert(0, "TEST, nothing happened.")
    if record.published_version is not None:
        sentences.append(f"Version {record.published_version} is served.")
    if record.spans_refused:
        sentences.append(f"Spans refused: {', '.join(record.spans_refused)}.")
    if record.drift:
        sentences.append(f"Drift was found ({len(record.drift)}).")
    figures = _describe_figures(record.figures)
    if figures:
        sentences.append(f"On the test images: {figures}.")
    incumbent = _describe_figures(record.incumbent_figures)
    if incumbent:
        sentences.append(f"The model before: {incumbent}.")
    if record.reasons:
        sentences.append(f"Reasons are on the history page ({len(record.reasons)}).")
    return " ".join(sentences)


def _describe_figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{title} {figures[name]:.3f}" for name, title in _FIGURES.items() if name in figures)
