"""The gate's verdict: what each check found, and what is to be done about it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from components.data_checks.registry import CHECKS
from components.data_checks.spec import Evidence, Finding
from components.manifest import SIMILARITY, Manifest
from components.settings import CheckSettings
from schema.errors import SHOWN_REASONS, DataRejectedError

FAIL: Final = "fail"
DROP: Final = "drop"
WARN: Final = "warn"


class CheckResult(BaseModel):
    """What one check found.

    Attributes:
        check: the key below `data.checks`.
        title: for people.
        policy: fail, drop or warn.
        findings: one line for each fault that is still in the data.
        dropped: images that were left out for it.
        fix: how to correct the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    title: str
    policy: str
    findings: list[str]
    dropped: list[str]
    fix: str

    @property
    def refuses(self) -> bool:
        return bool(self.findings) and self.policy != WARN

    @property
    def accepting(self) -> list[str]:
        """The policies that would let the findings pass."""
        allowed = CheckSettings.model_json_schema()["properties"][self.check]["enum"]
        return [policy for policy in allowed if policy != FAIL]

    @property
    def options_to_accept(self) -> str:
        """What to write on the command line to let the findings pass."""
        return " or ".join(f"--set data.checks.{self.check}={policy}" for policy in self.accepting)


# Checks on the statistics of a split: title and fix.
STATISTICAL_CHECKS: Final = {
    "schema_anomalies": ("Anomalies against the schema", "correct the images named by the feature"),
    "skew": (
        "Splits that differ",
        "leave the splitting to the pipeline, or split evenly by site and scanner",
    ),
    "drift": (
        "Data that differ from the last accepted ones",
        "find out what changed: scanner, export, site or case mix",
    ),
}


def judge(manifest: Manifest, evidence: Evidence, statistical: Mapping[str, Sequence[Finding]]) -> list[CheckResult]:
    """Makes every check.

    Args:
        manifest: with the images that were dropped.
        evidence: without them.
        statistical: findings by the keys of `STATISTICAL_CHECKS`.
    """
    policies = evidence.settings.checks
    results = []
    for check in CHECKS:
        findings = check.find(evidence)
        results.append(
            CheckResult(
                check=check.name,
                title=check.title,
                policy=getattr(policies, check.name),
                findings=[finding.message for finding in findings],
                dropped=[entry.source for entry in manifest if entry.dropped == check.title],
                fix=check.fix,
            )
        )
        if check.disqualifies and results[-1].refuses:
            evidence = evidence.without([source for finding in findings for source in finding.sources])
    return results + [
        CheckResult(
            check=name,
            title=title,
            policy=getattr(policies, name),
            findings=[finding.message for finding in statistical[name]],
            dropped=[],
            fix=fix,
        )
        for name, (title, fix) in STATISTICAL_CHECKS.items()
    ]


def refuse(results: Iterable[CheckResult]) -> None:
    """Raises DataRejectedError where a check refuses the data; all findings go to the log."""
    refusing = [result for result in results if result.refuses]
    if not refusing:
        return
    for result in refusing:
        for finding in result.findings:
            logging.error("data gate, %s: %s", result.check, finding)
    findings = sum(len(result.findings) for result in refusing)
    raise DataRejectedError(
        f"The data gate refuses these data: {_count(findings, 'finding')} of {_count(len(refusing), 'kind')}.",
        reasons=[line for result in refusing for line in _lines(result, SHOWN_REASONS // len(refusing) - 2)],
        fix="for each kind, correct the data or accept it, as said above; `breast-imaging data audit` checks again",
    )


def note_grouping(manifest: Manifest) -> list[str]:
    """What a reader of the figures has to know of the groups; no reason to refuse the data."""
    kept = [entry for entry in manifest if entry.split]
    unnamed = sum(entry.grouped_by == SIMILARITY for entry in kept)
    if not unnamed:
        return []
    return [
        f"{unnamed} of {len(kept)} images name no patient, so near-duplicates form their groups: different images"
        " of one patient may be in different splits"
    ]


def note_baseline(earlier: object | None) -> list[str]:
    return [] if earlier else ["no earlier accepted data of this kind, so drift could not be looked for"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _lines(result: CheckResult, most: int) -> list[str]:
    shown = result.findings[: max(1, most)]
    more = len(result.findings) - len(shown)
    return [
        f"{result.title} ({result.check}, {len(result.findings)} found): {result.fix};"
        f" or accept with {result.options_to_accept}",
        *(f"    {finding}" for finding in shown),
        *([f"    ... and {more} more"] if more else []),
    ]
