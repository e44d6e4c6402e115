"""The gate's checks in words and as rows of a table."""

import math
from dataclasses import dataclass
from typing import Final

from components.measures.decimals import MOST, decimals_to_tell
from components.report.content import GateCheck
from components.report.page.text import capitalised, format_number, format_signed

VALUE: Final = "value"
CHANGE: Final = "change"
KINDS: Final = {VALUE: "Value", CHANGE: "Change"}
TITLES: Final = {"auc": "AUC", "recall": "Recall (sensitivity)"}


@dataclass(frozen=True)
class CheckRow:
    metric: str
    kind: str
    observed: str
    bound: str
    margin: str
    passed: bool


def check_row(check: GateCheck) -> CheckRow:
    decimals = check_decimals(check)
    write = format_signed if check.kind == CHANGE else format_number
    return CheckRow(
        metric=TITLES.get(check.metric, capitalised(check.metric)),
        kind=KINDS.get(check.kind, check.kind),
        observed=write(check.observed, decimals),
        bound=write(check.bound, decimals),
        margin=format_signed(check_margin(check), decimals),
        passed=check.passed,
    )


def describe_shortfall(check: GateCheck, positive_label: str) -> str:
    """Which check was not passed, and by how much, in plain words."""
    name = metric_phrase(check.metric, positive_label)
    margin = check_margin(check)
    if check.observed is None or margin is None:
        what = name if check.kind == VALUE else f"the change in {name}"
        return f"{capitalised(what)} could not be computed, so its check was not passed."
    decimals = check_decimals(check)
    if check.kind == VALUE:
        measured = f"{format_number(check.observed, decimals)} on the test split"
        asked = f"at least {format_number(check.bound, decimals)}"
    else:
        measured = f"{_difference(check.observed, decimals)} the earlier model's"
        asked = _allowed_change(check.bound, decimals)
    # The gate has the last word: it compares unrounded, and the bound itself may not pass.
    outcome = f"It fell short by {short_by(check)}." if margin < 0 else "The gate did not pass it."
    return f"{capitalised(name)} is {measured}; the gate asks for {asked}. {outcome}"


def metric_phrase(metric: str, positive_label: str) -> str:
    """The metric as it stands inside a sentence."""
    return f"recall of {positive_label} images" if metric == "recall" else TITLES.get(metric, metric)


def check_margin(check: GateCheck) -> float | None:
    """Observed less bound: negative where it fell short. None where nothing was observed."""
    if check.observed is None or not math.isfinite(check.observed):
        return None
    return check.observed - check.bound


def check_decimals(check: GateCheck) -> int:
    return decimals_to_tell(check.observed, check.bound)


def short_by(check: GateCheck) -> str:
    margin = check_margin(check)
    if margin is None:
        return "an unknown amount"
    if not _is_visible(margin):
        return f"less than {10**-MOST:.{MOST}f}"
    return format_number(abs(margin), check_decimals(check))


def _difference(change: float, decimals: int) -> str:
    if not round(change, decimals):
        return "the same as"
    return f"{format_number(abs(change), decimals)} {'below' if change < 0 else 'above'}"


def _allowed_change(bound: float, decimals: int) -> str:
    if not bound:
        return "no drop"
    size = format_number(abs(bound), decimals)
    return f"a rise of at least {size}" if bound > 0 else f"a drop of at most {size}"


def _is_visible(margin: float) -> bool:
    """Whether the margin shows in the most decimals; less is rounding error."""
    return round(margin, MOST) != 0
