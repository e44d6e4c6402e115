"""The data as rows of tables: counts, checks, warnings, differences, pairs, samples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.report.content import Data, DataCheck, DataDifference, SampleImage, ShownImage, ShownPair
from components.report.page.text import Cut, capitalised, cut, format_integer, format_number, ratio

MOST_REASONS: Final = 20
MOST_WARNINGS_OF_A_CHECK: Final = 3
FULL_BAR: Final = 125  # per cent of the limit
POLICIES: Final = {"fail": "Refuse", "drop": "Leave out", "warn": "Warn"}


@dataclass(frozen=True)
class DroppedReasons:
    """Why images were left out, and how many. Attributes: more_images: of the reasons that are not shown."""

    reasons: Cut[tuple[str, int]]
    more_images: int


@dataclass(frozen=True)
class DataCheckRow:
    """A check of the data; `found` is a number, or says that the check was not made."""

    title: str
    policy: str
    found: str
    dropped: str
    findings: Cut[str]
    fix: str


@dataclass(frozen=True)
class DataWarning:
    """A note, or the title of a check with some of what it found."""

    text: str
    findings: Cut[str]


@dataclass(frozen=True)
class DifferenceCell:
    """One feature of two samples; `percent` is the value as a part of the limit, as far as the bar reaches."""

    value: str
    limit: str
    percent: int
    exceeds: bool


@dataclass(frozen=True)
class DifferenceTable:
    """Features by compared samples; None where a feature was not compared."""

    comparisons: list[str]
    rows: dict[str, list[DifferenceCell | None]]


@dataclass(frozen=True)
class PairFigure:
    """Two images side by side; `remarks` are reasons to look closer."""

    images: list[ShownImage]
    remarks: list[str]
    facts: str


def image_labels(data: Data, labels: Sequence[str]) -> list[str]:
    """The classes to count, in label order, then any that only the splits name."""
    named = (label for split in data.splits for label in split.images)
    return list(dict.fromkeys([*labels, *named]))


def count_reasons(data: Data) -> DroppedReasons:
    reasons = Counter(image.reason for image in data.dropped).most_common()
    return DroppedReasons(cut(reasons, MOST_REASONS), sum(images for _, images in reasons[MOST_REASONS:]))


def samples_by_class(samples: Sequence[SampleImage]) -> dict[str, list[SampleImage]]:
    labels = dict.fromkeys(sample.label for sample in samples)
    return {label: [sample for sample in samples if sample.label == label] for label in labels}


def data_check_row(check: DataCheck) -> DataCheckRow:
    return DataCheckRow(
        title=check.title,
        policy=POLICIES.get(check.policy, check.policy),
        found=format_integer(len(check.findings)) if check.made else "not made",
        dropped=format_integer(check.dropped),
        findings=cut(check.findings),
        fix=check.fix,
    )


def data_warnings(data: Data) -> list[DataWarning]:
    """The notes, and whatever was found and is still in the data."""
    notes = [DataWarning(capitalised(note), cut([])) for note in data.notes]
    return notes + [
        DataWarning(
            f"{check.title}: {format_integer(len(check.findings))} found",
            cut(check.findings, MOST_WARNINGS_OF_A_CHECK),
        )
        for check in data.checks
        if check.findings
    ]


def difference_table(differences: Sequence[DataDifference]) -> DifferenceTable:
    comparisons = list(dict.fromkeys((found.first, found.second) for found in differences))
    cells = {(found.feature, found.first, found.second): _difference_cell(found) for found in differences}
    return DifferenceTable(
        comparisons=[f"{capitalised(first)} and {second}" for first, second in comparisons],
        rows={
            capitalised(feature): [cells.get((feature, *samples)) for samples in comparisons]
            for feature in dict.fromkeys(found.feature for found in differences)
        },
    )


def pair_figure(pair: ShownPair) -> PairFigure:
    first, second = pair.first, pair.second
    remarks = {
        "Different labels": first.label != second.label,
        "Different patients": pair.different_patients,
        "Different splits": bool(first.split and second.split) and first.split != second.split,
    }
    facts = [
        f"similarity {format_number(pair.similarity, decimals=2)}",
        *([f"second image {pair.change}"] if pair.change else []),
        "certainly one picture" if pair.same_picture else "one picture or neighbouring frames",
    ]
    return PairFigure(
        images=[first, second],
        remarks=[remark for remark, applies in remarks.items() if applies],
        facts=capitalised(", ".join(facts)),
    )


def _difference_cell(found: DataDifference) -> DifferenceCell:
    share = ratio(found.value, found.limit)
    return DifferenceCell(
        value=format_number(found.value),
        limit=format_number(found.limit),
        percent=FULL_BAR if share is None else min(FULL_BAR, round(100 * share)),
        exceeds=found.value > found.limit,
    )
