"""What retrainings leave in the output folder. Every change is one rename: a crash leaves nothing half done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.retraining.record import RetrainingRecord
from schema.durable_files import replace_text
from schema.errors import BreastImagingError

_Content = TypeVar("_Content", bound=BaseModel)


class Start(BaseModel):
    """Of the retraining that is running, or was interrupted; one that carries on keeps it.

    Attributes: incumbent_version: that was served when it started; None where none was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    started: str
    incumbent_version: int | None


class Refusal(BaseModel):
    """A span that was refused.

    Attributes:
        retraining: number of the one that refused it.
        fingerprint: of its files; when these change, the span is new again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    span: str
    retraining: int
    fingerprint: str
    reasons: list[str]
    drift: list[str]


@dataclass(frozen=True)
class RetrainingFolder:
    """Attributes: root: an absolute path."""

    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def history_file(self) -> Path:
        return self.root / "history.jsonl"

    @property
    def page_file(self) -> Path:
        """The history for people."""
        return self.root / "history.html"

    @property
    def alerts_file(self) -> Path:
        """Which retrainings were told of."""
        return self.root / "alerts.jsonl"

    def report(self, number: int) -> Path:
        """Folder of the report of a retraining."""
        return self.root / "reports" / f"{number:06d}"

    def history(self) -> list[RetrainingRecord]:
        """All retrainings that have ended, in their order."""
        if not self.history_file.exists():
            return []
        lines = self.history_file.read_text("utf-8").rstrip("\n").split("\n")
        return [_parse(RetrainingRecord, line, self.history_file) for line in lines]

    def add_record(self, record: RetrainingRecord) -> None:
        records = [*self.history(), record]
        _replace(self.history_file, "".join(each.model_dump_json() + "\n" for each in records))

    def refusals(self) -> dict[str, Refusal]:
        """By span."""
        files = sorted(self._refused.glob("*.json")) if self._refused.is_dir() else []
        found = [_parse(Refusal, file.read_text("utf-8"), file) for file in files]
        return {refusal.span: refusal for refusal in found}

    def refuse(self, refusal: Refusal) -> None:
        _replace(self._refused / f"{refusal.span}.json", refusal.model_dump_json(indent=1))

    def start(self, start: Start) -> Start:
        """The start of this retraining: that of the first attempt, where one was interrupted."""
        file = self.root / "current.json"
        if file.exists():
            earlier = _parse(Start, file.read_text("utf-8"), file)
            if earlier.number == start.number:
                return earlier
        _replace(file, start.model_dump_json(indent=1))
        return start

    @property
    def _refused(self) -> Path:
        return self.root / "refused"


def last_trained(history: Sequence[RetrainingRecord]) -> int:
    """Number of the last retraining whose model was judged; 0 where there was none."""
    return max((record.number for record in history if record.action in ("published", "rejected")), default=0)


def _parse(kind: type[_Content], text: str, file: Path) -> _Content:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise BreastImagingError(
            f"{file} is not what a retraining wrote.", fix="restore it from a backup; nothing was changed"
        ) from error


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(file, text)
