"""What holds with 95 % confidence, and what these images cannot certify, in plain words.

Every criterion must hold, so the chance of blessing a model that misses one of them is at most that of passing that
one by luck: 2.5 %, the part of a 95 % interval's errors that lies on one side (an intersection-union test: Berger,
Technometrics 24, 1982).
"""

import math
from collections.abc import Iterable, Iterator

from components.clinical_evaluator.content import (
    Cohort,
    Comparison,
    Criterion,
    Discrimination,
    OperatingPoint,
    Share,
    Verdict,
)
from components.measures.decimals import decimals_to_tell
from components.measures.proportions import observations_needed
from components.settings import ClinicalSettings

NOT_ASKED: str = "Certification is switched off (clinical.certify), so the lower bounds were not asked for."
NOT_COMPARED: str = "There is a published model, and no record of it to compare with (clinical.non_inferiority)."
_MARGIN: str = "maximum_auc_drop"


def judge(
    positive_label: str,
    cohort: Cohort,
    discrimination: Discrimination,
    operating_point: OperatingPoint,
    comparison: Comparison | None,
    notes: list[str],
    settings: ClinicalSettings,
) -> Verdict:
    criteria = [
        _auc(positive_label, cohort, discrimination, settings.minimum_auc),
        *_shares(positive_label, operating_point, settings),
        *([_non_inferiority(comparison, settings.maximum_auc_drop)] if comparison else []),
    ]
    certified = settings.certify and all(criterion.passed for criterion in criteria)
    refusals = list(_refusals(criteria, settings))
    return Verdict(
        certify=settings.certify,
        certified=certified,
        blessed=(certified or not settings.certify) and not refusals,
        criteria=criteria,
        refusals=refusals,
        notes=[*([] if settings.certify else [NOT_ASKED]), *notes],
    )


def _refusals(criteria: Iterable[Criterion], settings: ClinicalSettings) -> Iterator[str]:
    """What the comparison with the latest blessed model asks for, whether or not the rest is certified."""
    if settings.non_inferiority == "certified":
        return
    compared = [criterion for criterion in criteria if criterion.name == _MARGIN]
    yield from (criterion.reason for criterion in compared if not criterion.passed)
    if settings.non_inferiority == "required" and not compared:
        yield NOT_COMPARED


def _auc(positive_label: str, cohort: Cohort, found: Discrimination, bound: float) -> Criterion:
    title = f"AUC of {positive_label}"
    value, low = found.auc.value, found.auc_low
    if value is None or low is None:
        reason = (
            f"{title} is not defined on {_groups(cohort.positive_groups, positive_label)} and"
            f" {_groups(cohort.negative_groups, 'other')}."
        )
        return _criterion("minimum_auc", title, low, bound, reason)
    certain, asked = _apart(low, bound)
    if low >= bound:
        reason = f"{title} is {value:.3f}, and at least {certain} with 95 % confidence; {asked} is asked for."
    elif value <= bound:
        reason = f"{title} is {value:.3f}; {asked} is asked for, and more images alone would not help."
    else:
        # The half width of an interval goes with the root of the number of groups.
        times = ((value - low) / (value - bound)) ** 2
        needed = math.ceil(times * cohort.positive_groups), math.ceil(times * cohort.negative_groups)
        reason = (
            f"{_groups(cohort.positive_groups, positive_label)} and {_groups(cohort.negative_groups, 'other')}:"
            f" an AUC of {asked} cannot be certified at 95 % ({value:.3f} found, {certain} certain); at this AUC"
            f" about {needed[0]:,} and {needed[1]:,} are needed."
        )
    return _criterion("minimum_auc", title, low, bound, reason)


def _shares(positive_label: str, found: OperatingPoint, settings: ClinicalSettings) -> Iterator[Criterion]:
    yield _share("minimum_recall", "recall", positive_label, found.recall, settings.minimum_recall)
    if settings.minimum_specificity > 0:
        yield _share("minimum_specificity", "specificity", "other", found.specificity, settings.minimum_specificity)


def _share(name: str, what: str, kind: str, found: Share, bound: float) -> Criterion:
    title = f"{what.capitalize()} at the operating point"
    value, low = found.figure.value, found.figure.low
    if value is None or low is None:
        return _criterion(name, title, low, bound, f"{title} is not defined: there are no {kind} images.")
    needed, (certain, asked) = observations_needed(value, bound), _apart(low, bound)
    counted = f"{value:.3f} found ({found.hits} of {found.images} images), {certain} certain"
    if low >= bound:
        reason = f"{title} is at least {certain} with 95 % confidence; {asked} is asked for ({counted})."
    elif needed is None:
        reason = f"{title} is {value:.3f}; {asked} is asked for, and more images alone would not help."
    else:
        reason = (
            f"{_groups(found.groups, kind)}: a {what} of {asked} cannot be certified at 95 % ({counted}); at this"
            f" {what} at least {needed:,} are needed."
        )
    return _criterion(name, title, low, bound, reason)


def _non_inferiority(comparison: Comparison, margin: float) -> Criterion:
    title = "AUC less that of the latest blessed model"
    lows = [comparison.auc.low, comparison.auc_delong.low]
    known = [low for low in lows if low is not None]
    low = min(known) if len(known) == len(lows) else None
    if low is None:
        reason = f"{title} is not defined on these images."
    else:
        certain, asked = _apart(low, -margin, sign="+")
        verb = "does not fall" if low >= -margin else "may fall"
        reason = (
            f"{title} is {comparison.auc.value:+.3f}, and at least {certain} with 95 % confidence: it {verb} below"
            f" the margin of {asked}."
        )
    return _criterion(_MARGIN, title, low, -margin, reason)


def _criterion(name: str, title: str, low: float | None, bound: float, reason: str) -> Criterion:
    return Criterion(
        name=name, title=title, low=low, bound=bound, passed=low is not None and low >= bound, reason=reason
    )


def _apart(low: float, bound: float, sign: str = "") -> tuple[str, str]:
    """Both with as many decimals as tell them apart."""
    decimals = decimals_to_tell(low, bound)
    return f"{low:{sign}.{decimals}f}", f"{bound:{sign}.{decimals}f}"


def _groups(number: int, kind: str) -> str:
    return f"{number:,} {kind} group{'' if number == 1 else 's'}"
