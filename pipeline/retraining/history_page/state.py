"""How things stand: what is served, and what somebody should look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from components.report.page.text import format_integer
from components.report.page.verdict import BAD, GOOD, MIXED
from pipeline.retraining.history_page.content import HistoryContent
from pipeline.retraining.record import RetrainingRecord


@dataclass(frozen=True)
class State:
    """Attributes:
    state: good, mixed or bad.
    version: that is served; None where there is none.
    published: the record that published it; None where no retraining did.
    age_days: of what is served; None where nothing is, or it is not known.
    warnings: the most urgent first.
    """

    state: str
    headline: str
    version: int | None
    published: RetrainingRecord | None
    age_days: float | None
    warnings: Sequence[str]


def describe_state(content: HistoryContent) -> State:
    records = content.records
    version = _served_version(records)
    published = next(
        (record for record in reversed(records) if version and record.published_version == version), None
    )
    age = _age_days(content, published)
    warnings = [
        *_failures(records),
        *_refused_spans(content),
        *_rejections(records),
        *_age(content, age),
        *_drift(records),
        *_alerts(content),
        *(f"{span} is still being written." for span in content.incomplete),
    ]
    return State(
        state=_state(records, version, warnings),
        headline="No model is served" if version is None else f"Version {version} is served",
        version=version,
        published=published,
        age_days=age,
        warnings=warnings,
    )


def _served_version(records: Sequence[RetrainingRecord]) -> int | None:
    """As the last retraining left it. It may be an older one than was published last: versions can be taken back."""
    if not records:
        return None
    last = records[-1]
    return last.incumbent_version if last.published_version is None else last.published_version


def _state(records: Sequence[RetrainingRecord], version: int | None, warnings: Sequence[str]) -> str:
    if version is None or records[-1].action == "failed":
        return BAD
    return MIXED if warnings else GOOD


def _age_days(content: HistoryContent, published: RetrainingRecord | None) -> float | None:
    """Since its publication; of a model that no retraining published, what the last one found, and the time since."""
    if published:
        return _days_since(published.finished, content.created)
    last = content.records[-1] if content.records else None
    if last is None or last.model_age_days is None:
        return None
    return last.model_age_days + _days_since(last.started, content.created)


def _days_since(time: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(time)) / timedelta(days=1)


def _failures(records: Sequence[RetrainingRecord]) -> Iterator[str]:
    failed = list(takewhile(lambda record: record.action == "failed", reversed(records)))
    if failed:
        again = f", and {len(failed) - 1} before it" if len(failed) > 1 else ""
        yield f"Retraining {failed[0].number} failed{again}: {_first(failed[0].reasons)}"


def _refused_spans(content: HistoryContent) -> Iterator[str]:
    """Those that are still there, and were not accepted since."""
    refused: dict[str, RetrainingRecord] = {}
    for record in content.records:
        for span in {*record.spans_new, *record.spans_used} - {*record.spans_refused}:
            refused.pop(span, None)
        refused |= dict.fromkeys(record.spans_refused, record)
    for span, record in reversed(refused.items()):
        if span not in content.spans:
            continue
        why = next(
            (reason for reason in record.reasons if reason.startswith(f"{span}: ")), f"{span}: see its reasons"
        )
        yield (
            f"Retraining {record.number} refused {span}, and no model learns from it until its files are corrected:"
            f" {why.removeprefix(f'{span}: ')}"
        )


def _rejections(records: Sequence[RetrainingRecord]) -> Iterator[str]:
    trained = [record for record in records if record.action in {"rejected", "published"}]
    rejected = list(takewhile(lambda record: record.action == "rejected", reversed(trained)))
    if len(rejected) == 1:
        yield f"The last model trained, by retraining {rejected[0].number}, was rejected."
    elif rejected:
        yield f"The last {len(rejected)} models trained were rejected."


def _age(content: HistoryContent, age: float | None) -> Iterator[str]:
    limit = content.maximum_age_days
    if age is not None and limit is not None and age > limit:
        yield f"The served model is {age:.0f} days old; at most {limit:g} are allowed."


def _drift(records: Sequence[RetrainingRecord]) -> Iterator[str]:
    """Of the last retraining that had new spans."""
    last = next((record for record in reversed(records) if record.spans_new), None)
    if last and last.drift:
        more = f" and {format_integer(len(last.drift) - 1)} more" if len(last.drift) > 1 else ""
        yield f"Retraining {last.number} found drift: {last.drift[0]}{more}"


def _alerts(content: HistoryContent) -> Iterator[str]:
    """Of the last retraining."""
    if content.records:
        last = content.records[-1].number
        for reason in content.failed_alerts.get(last, ()):
            yield f"The alert of retraining {last} was not delivered: {reason}."


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] if reasons else "no reason is recorded."
