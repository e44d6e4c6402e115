"""What came of it, before everything else: published, blessed, certified, and why or why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.clinical_evaluator.content import ClinicalEvaluation, Criterion
from components.measures.decimals import decimals_to_tell
from components.report.content import Gate, GateCheck, Publication, ReportContent
from components.report.page.gate_checks import check_margin, describe_shortfall, metric_phrase, short_by
from components.report.page.text import format_number, format_signed

GOOD: Final = "good"
MIXED: Final = "mixed"
BAD: Final = "bad"
FIRST_RUN: Final = "First run: there was no earlier model to compare with."
DIFFERENCE: Final = "maximum_auc_drop"  # the criterion whose figures are differences


@dataclass(frozen=True)
class Stamp:
    """One of the words that say it all. Attributes: state: good, mixed or bad; remark: may be empty."""

    text: str
    state: str
    remark: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of the run. `state` is good, mixed or bad."""

    state: str
    headline: str
    stamps: list[Stamp]
    sentences: list[str]
    shortfalls: list[str]


@dataclass(frozen=True)
class CriterionRow:
    """Attributes:
    certain: the lower bound.
    asked: what it must reach.
    reason: what would be needed where it does not.
    """

    title: str
    reason: str
    certain: str
    asked: str
    passed: bool


def describe_verdict(content: ReportContent) -> Verdict:
    if content.gate is None:
        return _verdict_of_evaluation(content.clinical)
    return _verdict_of_run(content.gate, content.publication, content.clinical)


def criterion_row(criterion: Criterion) -> CriterionRow:
    write = format_signed if criterion.name == DIFFERENCE else format_number
    decimals = decimals_to_tell(criterion.low, criterion.bound)
    return CriterionRow(
        title=criterion.title,
        reason=criterion.reason,
        certain=write(criterion.low, decimals),
        asked=write(criterion.bound, decimals),
        passed=criterion.passed,
    )


def _verdict_of_evaluation(clinical: ClinicalEvaluation) -> Verdict:
    certified = certification_stamp(clinical)
    return Verdict(
        state=certified.state,
        headline=f"Evaluated: {clinical.model}",
        stamps=[certified],
        sentences=[_certification_sentence(clinical), "Nothing was trained, and nothing was published."],
        shortfalls=[],
    )


def _verdict_of_run(gate: Gate, publication: Publication | None, clinical: ClinicalEvaluation) -> Verdict:
    failed = [check for check in gate.checks if not check.passed]
    return Verdict(
        state=_state(gate, publication, failed),
        headline=_headline(gate, publication, failed, clinical.positive_label),
        stamps=[
            _publication_stamp(gate, publication),
            Stamp("Blessed", GOOD) if gate.blessed else Stamp("Not blessed", BAD),
            certification_stamp(clinical),
        ],
        sentences=[
            _gate_sentence(gate, publication, failed),
            _certification_sentence(clinical),
            FIRST_RUN if gate.baseline is None else f"Compared with the earlier model: {gate.baseline}.",
        ],
        shortfalls=[
            *(describe_shortfall(check, clinical.positive_label) for check in failed),
            *gate.refusals,
        ],
    )


def certification_stamp(clinical: ClinicalEvaluation) -> Stamp:
    verdict = clinical.verdict
    if verdict.certified:
        return Stamp("Certified", GOOD, "at 95 %")
    if not verdict.certify:
        return Stamp("Not certified", MIXED, "not asked for")
    held = sum(criterion.passed for criterion in verdict.criteria)
    return Stamp("Not certified", BAD, f"{held} of {len(verdict.criteria)} criteria hold")


def _publication_stamp(gate: Gate, publication: Publication | None) -> Stamp:
    if publication:
        return Stamp("Published", GOOD, f"version {publication.version}")
    return Stamp("Not published", MIXED if gate.blessed else BAD)


def _state(gate: Gate, publication: Publication | None, failed: Sequence[GateCheck]) -> str:
    if not gate.blessed:
        return BAD
    return GOOD if publication is not None and not failed else MIXED


def _headline(gate: Gate, publication: Publication | None, failed: Sequence[GateCheck], positive_label: str) -> str:
    if gate.blessed:
        return f"Published as version {publication.version}" if publication else "Blessed, but not published"
    if publication is not None:
        return f"Published as version {publication.version}, though not blessed"
    if not failed:
        return "Not blessed: the test images do not certify what is asked for"
    if len(failed) > 1:
        return f"Not blessed: {len(failed)} of {len(gate.checks)} checks fell short"
    name = metric_phrase(failed[0].metric, positive_label)
    margin = check_margin(failed[0])
    if margin is None:
        return f"Not blessed: {name} could not be checked"
    if margin >= 0:
        return f"Not blessed: {name} was not passed"
    return f"Not blessed: {name} fell short by {short_by(failed[0])}"


def _gate_sentence(gate: Gate, publication: Publication | None, failed: Sequence[GateCheck]) -> str:
    total = len(gate.checks)
    outcome = "" if publication else " Nothing was published."
    if not total:
        return f"The gate made no checks.{outcome}"
    return f"Checks of the gate passed: {total - len(failed)} of {total}.{outcome}"


def _certification_sentence(clinical: ClinicalEvaluation) -> str:
    verdict = clinical.verdict
    if not verdict.certify:
        return "Not certified: this configuration does not ask for lower bounds."
    held = sum(criterion.passed for criterion in verdict.criteria)
    return f"Criteria that hold with 95 % confidence: {held} of {len(verdict.criteria)}."
