"""What a benchmark reports: ratios taken within one run, with their own noise."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Progress = Callable[[str], None]
"""Told in a few words what a benchmark does now."""


@dataclass(frozen=True)
class AtMost:
    limit: float

    def __str__(self) -> str:
        return f"<= {self.limit:.2f}"

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.limit


@dataclass(frozen=True)
class AtLeast:
    limit: float

    def __str__(self) -> str:
        return f">= {self.limit:.2f}"

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.limit


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        benchmark: name of the benchmark, as the registry has it.
        what: what is put in relation to what: "processor time of ingestion / of a plain loop".
        ratio: the median over the repetitions; without a unit.
        least, most: of the repetitions.
        repetitions: how many there were, at least 1.
        asked: what the ratio should be, such as "<= 1.10"; None where nothing is asked.
        met: whether it is; None where nothing is asked.
        raw: what the ratio was made of, medians over the repetitions, for information. Names end in their units:
            `ingestion_seconds`, `peak_mib`.
    """

    benchmark: str
    what: str
    ratio: float
    least: float
    most: float
    repetitions: int
    asked: str | None
    met: bool | None
    raw: Mapping[str, float]


def figure_of(
    benchmark: str,
    what: str,
    ratios: Sequence[float],
    raw: Mapping[str, float],
    asked: AtMost | AtLeast | None = None,
) -> Figure:
    """The figure of one or more repetitions, each of which gave a ratio."""
    ratio = statistics.median(ratios)
    return Figure(
        benchmark=benchmark,
        what=what,
        ratio=ratio,
        least=min(ratios),
        most=max(ratios),
        repetitions=len(ratios),
        asked=str(asked) if asked else None,
        met=asked.is_met(ratio) if asked else None,
        raw=dict(raw),
    )
