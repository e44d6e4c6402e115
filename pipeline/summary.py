"""What a run ended with, in a few lines."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from components.clinical_evaluator.content import ClinicalEvaluation
from components.report.content import PAGE_FILE, SUMMARY_FILE, Gate, GateCheck, ReportContent
from pipeline.output import OutputFolder
from pipeline.tables import counts_table
from schema.errors import BreastImagingError, ModelNotBlessedError


def read_summary(output: OutputFolder) -> ReportContent:
    """The content of the latest report."""
    return ReportContent.model_validate_json((output.report / SUMMARY_FILE).read_text("utf-8"))


def print_summary(content: ReportContent, output: OutputFolder, console: Console) -> None:
    console.print()
    title, clinical = f"{content.run_name}: images by split and class", content.clinical
    console.print(counts_table(title, clinical.labels, content.data.splits))
    console.print(f"  on {_test_images(clinical)}:", highlight=False, markup=False)
    if content.gate:
        _print_gate(content.gate, console)
    for criterion in clinical.verdict.criteria:
        console.print(f"  {escape(criterion.reason)}", highlight=False, soft_wrap=True)
    chosen = f"{clinical.operating_point.threshold:.4f} of the {clinical.positive_label} probability."
    console.print(f"Threshold: {escape(f'{chosen} {content.threshold_reason}')}", highlight=False, soft_wrap=True)
    console.print(f"Blessed:   {_blessed(content)}", highlight=False)
    published = content.publication.path if content.publication else "nothing new"
    console.print(f"Published: {escape(published)}", highlight=False, soft_wrap=True)
    console.print(f"Report:    {escape(str(output.report / PAGE_FILE))}", highlight=False, soft_wrap=True)


def check_published(content: ReportContent) -> None:
    """Raises ModelNotBlessedError, or BreastImagingError where the published version has been removed since."""
    if not _is_blessed(content):
        raise ModelNotBlessedError(
            "The model was not blessed, so nothing was published; versions published before still serve.",
            reasons=[
                *(_check_line(check) for check in _checks(content) if not check.passed),
                *content.shortfalls,
            ],
            fix=_fix(content),
        )
    path = content.publication.path if content.publication else None
    if path is None or not Path(path).is_dir():
        raise BreastImagingError(
            f"The model was published to {path} by an earlier run, and is no longer there.",
            fix="restore the folder, or publish anew into another one with --output DIR",
        )


def _fix(content: ReportContent) -> str:
    advice = (
        "see the report; train longer or on more data, or change gate.* or clinical.* if what they ask for is wrong"
    )
    asked = content.clinical.verdict.certify
    return f"{advice}; clinical.certify=false publishes without certification" if asked else advice


def _print_gate(gate: Gate, console: Console) -> None:
    for check in gate.checks:
        console.print(f"  {_check_line(check)}", highlight=False, soft_wrap=True)
    if gate.baseline is None:
        console.print("  no earlier blessed model to compare with", highlight=False)


def _checks(content: ReportContent) -> list[GateCheck]:
    return content.gate.checks if content.gate else []


def _is_blessed(content: ReportContent) -> bool:
    return content.gate is not None and content.gate.blessed


def _blessed(content: ReportContent) -> str:
    if not _is_blessed(content):
        return "no"
    return "yes" if content.clinical.verdict.certified else "yes, but not certified (clinical.certify is off)"


def _test_images(clinical: ClinicalEvaluation) -> str:
    images = clinical.cohort.images
    positives = images[clinical.positive_label]
    return f"{sum(images.values())} test images, {positives} of them {clinical.positive_label}"


def _check_line(check: GateCheck) -> str:
    name = {"auc": "AUC", "recall": "recall"}.get(check.metric, check.metric)
    what = f"test {name}" if check.kind == "value" else f"test {name}, change from the latest blessed model"
    if check.observed is None:
        return f"{what}: could not be computed (at least {check.bound:.3f} is asked for)"
    if check.passed:
        return f"{what}: {check.observed:.3f} (at least {check.bound:.3f} is asked for)"
    return f"{what}: {check.observed:.3f}, {check.bound - check.observed:.3f} short of {check.bound:.3f}"
