"""The verdict: which findings refuse the data, and what the person who meets them is told."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data_checks.registry import CHECKS
from components.data_checks.spec import Evidence, Finding
from components.data_gate.verdict import (
    STATISTICAL_CHECKS,
    CheckResult,
    judge,
    note_baseline,
    note_grouping,
    refuse,
)
from components.datasets.spec import ULTRASOUND
from components.manifest import PATIENT, SIMILARITY, ManifestEntry
from components.settings import CheckSettings, DataSettings
from schema import contract
from schema.errors import EXIT_DATA_REJECTED, SHOWN_REASONS, DataRejectedError

LABELS = ("benign", "malignant")
KEYS = (*(check.name for check in CHECKS), *STATISTICAL_CHECKS)
NOTHING: dict[str, list[Finding]] = {name: [] for name in STATISTICAL_CHECKS}


def entry(source: str, label: str = "benign", split: str = "train", **changes: Any) -> ManifestEntry:
    values = {"patient": source, "pixel_sha256": source, "height": 60, "width": 80, "channels": 1, "bit_depth": 8}
    values |= {"mean": 0.3, "std": 0.2, "highest": 1.0, "levels": 200, "border": 0.1, "group": source} | changes
    return ManifestEntry(source, label, split=split, **values)


def clean() -> list[ManifestEntry]:
    return [entry(f"{label}/{split}.png", label, split) for label in LABELS for split in contract.SPLITS]


def judged(
    manifest: Sequence[ManifestEntry], statistical: dict[str, list[Finding]] | None = None, **checks: Any
) -> dict[str, CheckResult]:
    data = DataSettings(dataset="x", labels=LABELS, checks=CheckSettings(**checks))
    evidence = Evidence([each for each in manifest if not each.dropped], [], ULTRASOUND, data)
    return {result.check: result for result in judge(manifest, evidence, NOTHING | (statistical or {}))}


def result(check: str, findings: int, policy: str = "fail") -> CheckResult:
    return CheckResult(
        check=check,
        title=f"Title of {check}",
        policy=policy,
        findings=[f"{check} {number}" for number in range(1, findings + 1)],
        dropped=[],
        fix=f"fix of {check}",
    )


def refusal(*results: CheckResult) -> DataRejectedError:
    with pytest.raises(DataRejectedError) as caught:
        refuse(results)
    return caught.value


def test_every_check_is_made_and_has_a_policy_of_its_own() -> None:
    results = judged(clean())

    assert tuple(results) == KEYS
    assert {name: each.policy for name, each in results.items()} == {
        name: getattr(CheckSettings(), name) for name in KEYS
    }
    assert all(each.title and each.fix and "; " not in each.title for each in results.values())


def test_clean_data_are_not_refused() -> None:
    results = judged(clean())

    assert [each.findings + each.dropped for each in results.values()] == [[] for _ in KEYS]
    refuse(results.values())


FAULTS: dict[str, Callable[[list[ManifestEntry]], list[ManifestEntry]]] = {
    "unreadable": lambda made: [*made, entry("x.png", split="", fault="torn")],
    "unlabelled": lambda made: [*made, entry("x.png", split="", unlabelled="nothing")],
    "annotations": lambda made: [*made, entry("x_mask.png")],
    "label_conflicts": lambda made: [*made, entry("x.png", "malignant", pixel_sha256="benign/train.png")],
    "leakage": lambda made: [*made, entry("x.png", group="benign/test.png")],
    "classes": lambda made: made[1:],
    "inverted": lambda made: [*made, entry("x.png", border=0.9)],
    "bit_depth": lambda made: [*made, entry("x.png", levels=1)],
    "burned_in": lambda made: [*made, entry("x.png", markings=0.1)],
}


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_that_is_still_there_refuses_the_data_unless_it_is_only_warned_of(check: str) -> None:
    manifest = FAULTS[check](clean())
    allowed = CheckSettings.model_json_schema()["properties"][check]["enum"]

    refusing = {}
    for policy in allowed:
        results = judged(manifest, **{check: policy})
        assert len(results[check].findings) == 1
        refusing[policy] = [each.check for each in results.values() if each.refuses]

    assert refusing == {policy: [] if policy == "warn" else [check] for policy in allowed}


@pytest.mark.parametrize("check", STATISTICAL_CHECKS)
@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_findings_of_the_statistics_refuse_likewise(check: str, policy: str) -> None:
    found = judged(clean(), {check: [Finding("one"), Finding("two")]}, **{check: policy})

    assert found[check].findings == ["one", "two"]
    assert [each.check for each in found.values() if each.refuses] == ([check] if policy == "fail" else [])


def _with_a_mask() -> list[ManifestEntry]:
    """It has the pixels of an image of another class, and lies in another split than the rest of its group."""
    return [*clean(), entry("x_mask.png", "malignant", group="benign/test.png", pixel_sha256="benign/train.png")]


def test_masks_that_refuse_the_data_are_blamed_for_nothing_else() -> None:
    found = judged(_with_a_mask())

    assert {name: len(each.findings) for name, each in found.items() if each.findings} == {"annotations": 1}


def test_masks_that_are_accepted_are_checked_like_all_images() -> None:
    found = judged(_with_a_mask(), annotations="warn")

    assert {name: len(each.findings) for name, each in found.items() if each.findings} == {
        "annotations": 1,
        "label_conflicts": 1,
        "leakage": 1,
    }
    assert [each.check for each in found.values() if each.refuses] == ["label_conflicts", "leakage"]


def test_what_was_dropped_is_told_by_the_check_that_did_it() -> None:
    titles = {check.name: check.title for check in CHECKS}
    gone = [
        entry("1_mask.png", split="", dropped=titles["annotations"]),
        entry("2_mask.png", split="", dropped=titles["annotations"]),
        entry("3.png", split="", dropped=titles["leakage"]),
    ]

    found = judged([*clean(), *gone], annotations="drop", leakage="drop")

    assert {name: each.dropped for name, each in found.items() if each.dropped} == {
        "annotations": ["1_mask.png", "2_mask.png"],
        "leakage": ["3.png"],
    }
    assert [each.findings for each in found.values()] == [[] for _ in KEYS]


@pytest.mark.parametrize("check", KEYS)
def test_a_result_says_how_its_findings_can_be_accepted(check: str) -> None:
    accepting = result(check, 1).accepting

    assert accepting
    for policy in accepting:
        assert getattr(CheckSettings(**{check: policy}), check) == policy
    assert "fail" not in accepting


def test_a_refusal_says_what_was_found_how_to_correct_it_and_how_to_accept_it() -> None:
    error = refusal(result("annotations", 2), result("skew", 1), result("burned_in", 5, "warn"), result("drift", 0))

    assert error.what == "The data gate refuses these data: 3 findings of 2 kinds."
    assert error.reasons == (
        "Title of annotations (annotations, 2 found): fix of annotations;"
        " or accept with --set data.checks.annotations=drop or --set data.checks.annotations=warn",
        "    annotations 1",
        "    annotations 2",
        "Title of skew (skew, 1 found): fix of skew; or accept with --set data.checks.skew=warn",
        "    skew 1",
    )
    assert error.fix == (
        "for each kind, correct the data or accept it, as said above; `breast-imaging data audit` checks again"
    )
    assert error.exit_code == EXIT_DATA_REJECTED == 2


def test_findings_that_do_not_refuse_pass() -> None:
    refuse([result("annotations", 3, "warn"), result("leakage", 0)])


ROOM = SHOWN_REASONS - 2  # beside the heading and the line that says how many are left


@pytest.mark.parametrize(("findings", "shown", "more"), [(ROOM, ROOM, []), (ROOM + 1, ROOM, ["    ... and 1 more"])])
def test_a_long_list_is_cut_and_says_how_much_is_left(findings: int, shown: int, more: list[str]) -> None:
    error = refusal(result("leakage", findings))

    assert error.reasons[0].startswith(f"Title of leakage (leakage, {findings} found)")
    assert list(error.reasons[1:]) == [*(f"    leakage {n}" for n in range(1, shown + 1)), *more]
    assert f"{findings} findings of 1 kind." in error.what


@pytest.mark.parametrize("kinds", range(1, len(KEYS) + 1))
def test_every_kind_is_shown_with_a_way_out_however_many_there_are(kinds: int) -> None:
    error = refusal(*(result(check, 30) for check in KEYS[:kinds]))

    shown = str(error)
    for check in KEYS[:kinds]:
        assert f"fix of {check}; or accept with --set data.checks.{check}=" in shown
    assert len(error.reasons) <= SHOWN_REASONS  # beyond these, the command cuts the list without regard to kinds
    assert all(f"    {check} 1" in error.reasons for check in KEYS[:kinds])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=len(KEYS)))
def test_the_number_of_findings_is_that_of_all(counts: list[int]) -> None:
    results = [result(check, count) for check, count in zip(KEYS, counts, strict=False)]
    kinds = sum(count > 0 for count in counts)

    if kinds:
        findings = "1 finding" if sum(counts) == 1 else f"{sum(counts)} findings"
        of_kinds = "1 kind" if kinds == 1 else f"{kinds} kinds"
        assert refusal(*results).what == f"The data gate refuses these data: {findings} of {of_kinds}."
    else:
        refuse(results)


def test_all_findings_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        refusal(result("leakage", 50), result("skew", 1), result("annotations", 1, "warn"))

    assert [record.getMessage() for record in caplog.records] == [
        *(f"data gate, leakage: leakage {number}" for number in range(1, 51)),
        "data gate, skew: skew 1",
    ]


def test_images_without_a_patient_are_noted() -> None:
    named = [replace(each, grouped_by=PATIENT) for each in clean()]
    unnamed = [replace(each, grouped_by=SIMILARITY) for each in clean()[:2]]
    gone = entry("gone.png", split="", grouped_by=SIMILARITY, dropped="why")

    assert note_grouping([*named, gone]) == []
    assert note_grouping([*named, *unnamed, gone]) == [
        "2 of 8 images name no patient, so near-duplicates form their groups: different images of one patient may be"
        " in different splits"
    ]


def test_a_first_run_notes_that_it_had_nothing_to_compare_with() -> None:
    assert note_baseline(None) == ["no earlier accepted data of this kind, so drift could not be looked for"]
    assert note_baseline(object()) == []
