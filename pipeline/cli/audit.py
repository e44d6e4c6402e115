"""`breast-imaging data audit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.data_gate.statistics import (
    Difference,
    anomalies_of,
    compare_splits,
    find_anomalies,
    find_differences,
)
from components.data_gate.verdict import CheckResult, judge, note_grouping
from components.image_example_gen.store import NoStore
from components.report.content import SplitCount
from components.report.gathered_data import count_splits
from pipeline.beam_here import work_folder
from pipeline.config import Config, load_config
from pipeline.display import make_display
from pipeline.examination import Examination, examine
from pipeline.json_file import write_json
from pipeline.tables import counts_table
from schema import contract
from schema.errors import EXIT_DATA_REJECTED, EXIT_PUBLISHED

SHOWN_FINDINGS: Final = 10


class Audit(BaseModel):
    """What the gate would say.

    Attributes:
        configuration: its name.
        accepted: whether a run on these data would go on.
        images: files and pages that were looked at.
        splits: images by class, and groups.
        results: of each check.
        differences: between the splits.
        notes: what a reader of the figures has to know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    configuration: str
    accepted: bool
    images: int
    splits: list[SplitCount]
    results: list[CheckResult]
    differences: list[Difference]
    notes: list[str]


def audit_command(config_name: str, data: Path, json_file: Path | None, overrides: Sequence[str]) -> int:
    """Makes every check that needs no earlier run, and prints what it found. Returns the exit code."""
    config = load_config(config_name, overrides)
    console = Console()
    with make_display(console) as display, work_folder(config.beam) as directory:
        audit = make_audit(config, examine(config, data, display.show, directory, NoStore()))
    if json_file:
        write_json(audit, json_file)
    _print(audit, config, console)
    return EXIT_PUBLISHED if audit.accepted else EXIT_DATA_REJECTED


def make_audit(config: Config, examination: Examination) -> Audit:
    manifest = examination.plan.entries
    differences = compare_splits(manifest, config.data.checks.skew_limit)
    splits = {split: [entry for entry in manifest if entry.split == split] for split in contract.SPLITS}
    anomalies = {split: anomalies_of(entries) for split, entries in splits.items() if entries}
    findings = {
        "schema_anomalies": find_anomalies(anomalies),
        "skew": find_differences(differences),
        "drift": [],
    }
    results = judge(manifest, examination.evidence, findings)
    return Audit(
        configuration=config.name,
        accepted=not any(result.refuses for result in results),
        images=len(manifest),
        splits=count_splits(manifest, config.data.labels),
        results=results,
        differences=differences,
        notes=note_grouping(manifest),
    )


def _print(audit: Audit, config: Config, console: Console) -> None:
    console.print(counts_table(f"{config.name}: images by split and class", config.data.labels, audit.splits))
    console.print(_results_table(audit))
    for result in audit.results:
        for line in _findings(result):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for note in audit.notes:
        console.print(f"Note: {note}.", highlight=False, markup=False, soft_wrap=True)
    verdict = "The data pass." if audit.accepted else "The data gate would refuse these data."
    console.print(f"{audit.images} images looked at. {verdict}", highlight=False)


def _results_table(audit: Audit) -> Table:
    table = Table(title="checks", box=box.SIMPLE, title_justify="left")
    for column in ("check", "policy"):
        table.add_column(column)
    for column in ("found", "left out"):
        table.add_column(column, justify="right")
    table.add_column("")
    for result in audit.results:
        verdict = "refused" if result.refuses else ""
        table.add_row(
            escape(result.title), result.policy, str(len(result.findings)), str(len(result.dropped)), verdict
        )
    return table


def _findings(result: CheckResult) -> list[str]:
    if not result.findings:
        return []
    shown = result.findings[:SHOWN_FINDINGS]
    more = len(result.findings) - len(shown)
    return [
        f"{result.title}:",
        *(f"  - {finding}" for finding in shown),
        *([f"  ... and {more} more (--json FILE has all)"] if more else []),
        f"  What to do: {result.fix}" + (f"; or accept with {result.options_to_accept}" if result.refuses else ""),
        "",
    ]
