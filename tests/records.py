"""Made-up records of retraining: single ones, and a year of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.retraining.record import RetrainingRecord

FIRST = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
MONTHS = 12
SCANNER_CHANGE, LABEL_FAULT, WORSE, NOTHING_NEW, CRASH = 6, 9, 4, 11, 8
FIRST_VERSION = 1_769_824_800


def make_record(**changes: Any) -> RetrainingRecord:
    """A retraining that published its model."""
    values: dict[str, Any] = {
        "number": 3,
        "started": "2026-03-31T02:00:00+00:00",
        "finished": "2026-03-31T03:10:00+00:00",
        "action": "published",
        "reasons": ["41 new images of 16 patients"],
        "spans_new": ["span-3"],
        "spans_used": ["span-1", "span-2", "span-3"],
        "images": {"train": 400, "eval": 80, "test": 90},
        "patients": {"train": 130, "eval": 25, "test": 30},
        "figures": {"test_auc": 0.912, "test_auc_low": 0.85, "test_auc_high": 0.95, "test_recall": 0.9},
        "incumbent_figures": {"test_auc": 0.905, "test_recall": 0.88},
        "incumbent_version": 1774000000,
        "published_version": 1774926000,
        "model_age_days": 30.5,
        "report": "retraining/reports/3/index.html",
        "configuration": "c" * 64,
    }
    return RetrainingRecord(**(values | changes))


def year() -> list[RetrainingRecord]:
    """Monthly: a worse model in 4, another scanner in 6, a crash in 8, mixed-up labels in 9, nothing new in 11."""
    records: list[RetrainingRecord] = []
    for month in range(1, MONTHS + 1):
        records.append(_month(month, records))
    return records


def _month(month: int, before: list[RetrainingRecord]) -> RetrainingRecord:
    started = FIRST + timedelta(days=30.4 * (month - 1))
    served = next((each.published_version for each in reversed(before) if each.published_version), None)
    spans = [f"span-{each}" for each in range(1, month + 1) if each not in (LABEL_FAULT, NOTHING_NEW)]
    common: dict[str, Any] = {
        "number": month,
        "started": started.isoformat(timespec="seconds"),
        "finished": (started + timedelta(minutes=40)).isoformat(timespec="seconds"),
        "spans_new": [f"span-{month}"],
        "incumbent_version": served,
        "model_age_days": None if served is None else 30.4,
        "configuration": f"{month // 7:064x}",
    }
    if month == NOTHING_NEW:
        return RetrainingRecord(
            **(common | {"action": "skipped", "reasons": ["there is no new span"], "spans_new": []})
        )
    if month == CRASH:
        return RetrainingRecord(**common, action="failed", reasons=["The disk is full; nothing was published."])
    if month == LABEL_FAULT:
        return RetrainingRecord(
            **common,
            action="span_refused",
            reasons=["span-9: the served model ranks its images worse than chance would (AUC 0.214, at least 0.783)"],
            spans_refused=["span-9"],
        )
    auc = 0.80 + 0.012 * month - (0.08 if month == WORSE else 0.0)
    trained = common | {
        "spans_used": spans,
        "drift": ["span-6: brightness differs from the accepted data (0.31, at most 0.1)"]
        if month == SCANNER_CHANGE
        else [],
        "images": {"train": 60 * month, "eval": 14 * month, "test": 15 * month},
        "patients": {"train": 20 * month, "eval": 5 * month, "test": 5 * month},
        "figures": _figures(auc, 0.1 / month**0.5),
        "incumbent_figures": {} if served is None else {"test_auc": auc - 0.01, "test_recall": 0.86},
        "report": f"retraining/reports/{month}/index.html",
    }
    if month == WORSE:
        trained["incumbent_figures"] = {"test_auc": 0.836, "test_recall": 0.86}
        return RetrainingRecord(**trained, action="rejected", reasons=["AUC is 0.068 lower than the served model's"])
    published = {"action": "published", "reasons": ["no worse than the served model"]}
    return RetrainingRecord(**trained, **published, published_version=FIRST_VERSION + 2_626_560 * (month - 1))


def _figures(auc: float, margin: float) -> dict[str, float]:
    recall = auc + 0.02
    return {
        "test_auc": auc,
        "test_auc_low": auc - margin,
        "test_auc_high": min(1.0, auc + margin),
        "test_recall": recall,
        "test_recall_low": recall - margin,
        "test_recall_high": min(1.0, recall + margin),
    }
