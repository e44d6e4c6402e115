"""Decisions at the operating point as tables: the confusion matrix, and each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.clinical_evaluator.content import ClassScores, ClinicalEvaluation
from components.report.page.text import format_share, ratio

TINTS: Final = 5
_AVERAGES: Final = {"macro": "Macro average", "weighted": "Weighted average"}


@dataclass(frozen=True)
class ShareCell:
    """Attributes: tint: how dark, from 0 to `TINTS`."""

    text: str
    tint: int


def share_rows(confusion: Sequence[Sequence[int]]) -> list[list[ShareCell]]:
    """Each row of the confusion matrix as shares of its true class, with a depth of tint."""
    return [[_share_cell(count, sum(row)) for count in row] for row in confusion]


def average_rows(clinical: ClinicalEvaluation) -> dict[str, ClassScores]:
    """By title."""
    return {_AVERAGES.get(name, name): scores for name, scores in clinical.averages.items()}


def _share_cell(count: int, total: int) -> ShareCell:
    share = ratio(count, total)
    return ShareCell(format_share(share), 0 if share is None else round(share * TINTS))
