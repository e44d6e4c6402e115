"""Figures with intervals as marks on a common axis, one above the other."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from components.clinical_evaluator.content import ClinicalEvaluation, Comparison, Figure, SliceEvaluation
from components.report.page.text import MINUS, format_interval, format_number, format_signed

WIDTH: Final = 160  # units of the drawing
EDGE: Final = 8  # room for half a mark at either end
_STEP: Final = 0.05  # differences are drawn on an axis that ends at a multiple of it


@dataclass(frozen=True)
class Axis:
    """Attributes: low, high: values at its ends."""

    low: float
    high: float

    def place(self, value: float | None) -> float | None:
        """Where a value lies, in units of the drawing; beyond the axis at its end."""
        if value is None:
            return None
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of both ends and the middle."""
        values = (self.low, (self.low + self.high) / 2, self.high)
        return [(self.place(value) or 0.0, f"{value:g}".replace("-", MINUS)) for value in values]


SHARES: Final = Axis(0.0, 1.0)


@dataclass(frozen=True)
class Whisker:
    """A figure in words and as places on an axis; None where it is not defined. Attributes: reference: a line."""

    value: str
    interval: str
    mark: float | None
    low: float | None
    high: float | None
    reference: float | None


@dataclass(frozen=True)
class SliceRow:
    name: str
    images: int
    groups: int
    positives: int
    auc: Whisker
    recall: Whisker
    specificity: Whisker
    remark: str


@dataclass(frozen=True)
class SliceGroup:
    """The slices by one attribute."""

    attribute: str
    rows: list[SliceRow]


@dataclass(frozen=True)
class DifferenceRow:
    title: str
    method: str
    whisker: Whisker


@dataclass(frozen=True)
class ComparisonTable:
    """Attributes: axis: of all rows; p_value: of the difference in AUC."""

    axis: Axis
    rows: list[DifferenceRow]
    p_value: str


def slice_groups(clinical: ClinicalEvaluation) -> list[SliceGroup]:
    """In the order of the evaluation, each beside the figures of all images."""
    attributes = dict.fromkeys(each.attribute for each in clinical.slices)
    return [
        SliceGroup(name, [_slice_row(each, clinical) for each in clinical.slices if each.attribute == name])
        for name in attributes
    ]


def all_images(clinical: ClinicalEvaluation) -> SliceRow:
    """The row that the slices are read against."""
    cohort, point = clinical.cohort, clinical.operating_point
    auc, recall, specificity = clinical.discrimination.auc, point.recall.figure, point.specificity.figure
    return SliceRow(
        name="All tested images",
        images=sum(cohort.images.values()),
        groups=cohort.groups,
        positives=cohort.images[clinical.positive_label],
        auc=_share(auc, auc),
        recall=_share(recall, recall),
        specificity=_share(specificity, specificity),
        remark="",
    )


def comparison_table(comparison: Comparison, replicates: int) -> ComparisonTable:
    bootstrap = f"bootstrap by group, {replicates:,} draws"
    figures = [
        ("AUC", comparison.auc, bootstrap),
        ("AUC", comparison.auc_delong, "DeLong, as if images were independent"),
        ("Recall (sensitivity)", comparison.recall, bootstrap),
        ("Specificity", comparison.specificity, bootstrap),
    ]
    axis = _symmetric_axis([figure for _, figure, _ in figures])
    rows = [DifferenceRow(title, method, _difference(figure, axis)) for title, figure, method in figures]
    return ComparisonTable(axis, rows, format_p_value(comparison.p_value))


def format_p_value(value: float | None) -> str:
    if value is not None and value < 0.001:
        return "below 0.001"
    return format_number(value)


def _slice_row(found: SliceEvaluation, clinical: ClinicalEvaluation) -> SliceRow:
    point = clinical.operating_point
    return SliceRow(
        name=found.value,
        images=found.images,
        groups=found.groups,
        positives=found.positives,
        auc=_share(found.auc, clinical.discrimination.auc),
        recall=_share(found.recall.figure, point.recall.figure),
        specificity=_share(found.specificity.figure, point.specificity.figure),
        remark=found.remark,
    )


def _share(figure: Figure, reference: Figure) -> Whisker:
    return Whisker(
        value=format_number(figure.value),
        interval=format_interval(figure),
        mark=SHARES.place(figure.value),
        low=SHARES.place(figure.low),
        high=SHARES.place(figure.high),
        reference=SHARES.place(reference.value),
    )


def _difference(figure: Figure, axis: Axis) -> Whisker:
    ends = f"{format_signed(figure.low)} to {format_signed(figure.high)}"
    return Whisker(
        value=format_signed(figure.value),
        interval=format_interval(figure) if figure.low is None or figure.high is None else ends,
        mark=axis.place(figure.value),
        low=axis.place(figure.low),
        high=axis.place(figure.high),
        reference=axis.place(0.0),
    )


def _symmetric_axis(figures: Sequence[Figure]) -> Axis:
    """Around zero, wide enough for every interval."""
    farthest = max((abs(value) for value in _known(figures)), default=0.0)
    end = max(1, math.ceil(round(farthest / _STEP, 9))) * _STEP
    return Axis(-end, end)


def _known(figures: Sequence[Figure]) -> Iterable[float]:
    ends = (value for figure in figures for value in (figure.low, figure.value, figure.high))
    return (value for value in ends if value is not None)
