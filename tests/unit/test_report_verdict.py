"""What the page says first: published, blessed, certified, and why or why not."""

import math

import pytest

from components.report.content import Gate, GateCheck
from components.report.page.gate_checks import check_row, describe_shortfall
from components.report.page.verdict import Stamp, criterion_row, describe_verdict
from tests.clinical import example_evaluation
from tests.report import check, compared_evaluation, evaluation_content, make_content, refused


def _gate(*checks: GateCheck, baseline: str | None = "model 12", blessed: bool = True) -> Gate:
    return Gate(checks=list(checks), baseline=baseline, blessed=blessed)


def test_verdict_of_a_published_model() -> None:
    verdict = describe_verdict(make_content())

    assert verdict.state == "good"
    assert verdict.headline == "Published as version 4"
    assert verdict.stamps == [
        Stamp("Published", "good", "version 4"),
        Stamp("Blessed", "good"),
        Stamp("Not certified", "mixed", "not asked for"),
    ]
    assert verdict.sentences == [
        "Checks of the gate passed: 2 of 2.",
        "Not certified: this configuration does not ask for lower bounds.",
        "Compared with the earlier model: model 12.",
    ]
    assert verdict.shortfalls == []


def test_verdict_of_a_certified_model() -> None:
    verdict = describe_verdict(make_content(clinical=example_evaluation(certify=True)))

    assert verdict.stamps[-1] == Stamp("Certified", "good", "at 95 %")
    assert verdict.sentences[1] == "Criteria that hold with 95 % confidence: 2 of 2."


def test_verdict_of_a_model_that_passed_the_gate_and_cannot_be_certified() -> None:
    clinical = example_evaluation(certify=True, minimum_recall=0.8)
    passed = _gate(check("auc", observed=0.91, bound=0.85), blessed=False)
    verdict = describe_verdict(make_content(clinical=clinical, gate=passed, publication=None))

    assert verdict.state == "bad"
    assert verdict.headline == "Not blessed: the test images do not certify what is asked for"
    assert verdict.stamps == [
        Stamp("Not published", "bad"),
        Stamp("Not blessed", "bad"),
        Stamp("Not certified", "bad", "1 of 2 criteria hold"),
    ]
    assert verdict.shortfalls == []


def test_verdict_of_an_evaluation_knows_no_gate() -> None:
    plain = describe_verdict(evaluation_content())
    short = describe_verdict(evaluation_content(clinical=example_evaluation(certify=True, minimum_recall=0.8)))

    assert (plain.state, plain.headline) == ("mixed", "Evaluated: example")
    assert plain.stamps == [Stamp("Not certified", "mixed", "not asked for")]
    assert plain.sentences[1:] == ["Nothing was trained, and nothing was published."]
    assert (short.state, short.stamps) == ("bad", [Stamp("Not certified", "bad", "1 of 2 criteria hold")])


def test_a_criterion_says_what_is_certain_what_is_asked_for_and_what_would_be_needed() -> None:
    clinical = example_evaluation(certify=True, minimum_recall=0.8)
    row = criterion_row(clinical.verdict.criteria[1])

    assert (row.title, row.certain, row.asked, row.passed) == (
        "Recall at the operating point",
        "0.664",
        "0.800",
        False,
    )
    assert row.reason.endswith("are needed.")


def test_the_criterion_of_a_difference_carries_signs() -> None:
    (criterion,) = (each for each in compared_evaluation().verdict.criteria if each.name == "maximum_auc_drop")
    row = criterion_row(criterion)

    assert row.asked == "\u22120.050"
    assert row.certain[0] in "+\u2212"


def test_verdict_of_a_first_run() -> None:
    verdict = describe_verdict(make_content(gate=_gate(baseline=None)))

    assert verdict.sentences[-1] == "First run: there was no earlier model to compare with."


def test_verdict_of_a_blessed_but_unpublished_model() -> None:
    verdict = describe_verdict(make_content(publication=None))

    assert (verdict.state, verdict.headline) == ("mixed", "Blessed, but not published")
    assert verdict.sentences[0] == "Checks of the gate passed: 2 of 2. Nothing was published."


def test_verdict_of_a_refused_model() -> None:
    content = refused(check("auc", observed=0.91, bound=0.85), check("recall", observed=0.842, bound=0.9))

    verdict = describe_verdict(content)

    assert verdict.state == "bad"
    assert verdict.headline == "Not blessed: recall of malignant images fell short by 0.058"
    assert verdict.shortfalls == [
        (
            "Recall of malignant images is 0.842 on the test split; the gate asks for at least 0.900. "
            "It fell short by 0.058."
        )
    ]
    assert verdict.sentences[0] == "Checks of the gate passed: 1 of 2. Nothing was published."


def test_verdict_with_two_shortfalls() -> None:
    content = refused(
        check("recall", observed=0.84, bound=0.9), check("auc", observed=-0.014, bound=-0.01, kind="change")
    )

    verdict = describe_verdict(content)

    assert verdict.headline == "Not blessed: 2 of 2 checks fell short"
    assert verdict.shortfalls[1] == (
        "AUC is 0.014 below the earlier model's; the gate asks for a drop of at most 0.010. It fell short by 0.004."
    )


@pytest.mark.parametrize(
    ("observed", "bound", "expected"),
    [
        (
            -0.02,
            0.0,
            "AUC is 0.020 below the earlier model's; the gate asks for no drop. It fell short by 0.020.",
        ),
        (
            0.01,
            0.02,
            (
                "AUC is 0.010 above the earlier model's; the gate asks for a rise of at least 0.020. "
                "It fell short by 0.010."
            ),
        ),
        (
            0.0,
            0.02,
            (
                "AUC is the same as the earlier model's; the gate asks for a rise of at least 0.020. "
                "It fell short by 0.020."
            ),
        ),
        (None, 0.0, "The change in AUC could not be computed, so its check was not passed."),
        (math.nan, 0.0, "The change in AUC could not be computed, so its check was not passed."),
    ],
)
def test_shortfall_of_a_change(observed: float | None, bound: float, expected: str) -> None:
    assert describe_shortfall(check("auc", observed=observed, bound=bound, kind="change"), "x") == expected


def test_verdict_where_a_metric_could_not_be_computed() -> None:
    verdict = describe_verdict(refused(check("recall", observed=None, bound=0.9)))

    assert verdict.headline == "Not blessed: recall of malignant images could not be checked"
    assert verdict.shortfalls == ["Recall of malignant images could not be computed, so its check was not passed."]


def test_a_check_refused_at_its_bound_is_not_said_to_fall_short() -> None:
    verdict = describe_verdict(refused(check("auc", observed=0.9, bound=0.9, passed=False)))

    assert verdict.headline == "Not blessed: AUC was not passed"
    assert verdict.shortfalls == [
        "AUC is 0.900 on the test split; the gate asks for at least 0.900. The gate did not pass it."
    ]


def test_a_narrow_margin_is_shown_with_enough_decimals() -> None:
    row = check_row(check("recall", observed=0.89996, bound=0.9))

    assert (row.observed, row.bound, row.margin) == ("0.89996", "0.90000", "\u22120.00004")


def test_check_rows_carry_signs_for_changes() -> None:
    row = check_row(check("auc", observed=0.004, bound=-0.01, kind="change"))

    assert (row.metric, row.kind, row.observed, row.bound, row.margin, row.passed) == (
        "AUC",
        "Change",
        "+0.004",
        "\u22120.010",
        "+0.014",
        True,
    )
