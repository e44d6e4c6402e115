"""What a run ended with, in a few lines."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from components.report.content import PAGE_FILE, SUMMARY_FILE, GateCheck, ReportContent
from pipeline.output import OutputFolder
from pipeline.tables import counts_table
from schema.errors import BreastImagingError, ModelNotBlessedError


def read_summary(output: OutputFolder) -> ReportContent:
    """The content of the latest report."""
    return ReportContent.model_validate_json((output.report / SUMMARY_FILE).read_text("utf-8"))


def print_summary(content: ReportContent, output: OutputFolder, console: Console) -> None:
    console.print()
    console.print(counts_table(f"{content.run_name}: images by split and class", content.labels, content.splits))
    console.print(f"  on {_test_images(content)}:", highlight=False, markup=False)
    for check in content.checks:
        console.print(f"  {_check_line(check)}", highlight=False, soft_wrap=True)
    if content.baseline is None:
        console.print("  no earlier blessed model to compare with", highlight=False)
    for criterion in content.clinical.verdict.criteria:
        console.print(f"  {escape(criterion.reason)}", highlight=False, soft_wrap=True)
    threshold = f"{content.threshold:.4f} of the {content.positive_label} probability. {content.threshold_reason}"
    console.print(f"Threshold: {escape(threshold)}", highlight=False, soft_wrap=True)
    console.print(f"Blessed:   {_blessed(content)}", highlight=False)
    published = content.published_path or "nothing new"
    console.print(f"Published: {escape(published)}", highlight=False, soft_wrap=True)
    console.print(f"Report:    {escape(str(output.report / PAGE_FILE))}", highlight=False, soft_wrap=True)


def check_published(content: ReportContent) -> None:
    """Raises ModelNotBlessedError, or BreastImagingError where the published version has been removed since."""
    if not content.blessed:
        raise ModelNotBlessedError(
            "The model was not blessed, so nothing was published; versions published before still serve.",
            reasons=[
                *(_check_line(check) for check in content.checks if not check.passed),
                *(criterion.reason for criterion in content.shortfalls),
            ],
            fix="see the report; train longer or on more data, or change gate.* or clinical.* if what they ask for is"
            " wrong; clinical.certify=false publishes without certification",
        )
    if content.published_path is None or not Path(content.published_path).is_dir():
        raise BreastImagingError(
            f"The model was published to {content.published_path} by an earlier run, and is no longer there.",
            fix="restore the folder, or publish anew into another one with --output DIR",
        )


def _blessed(content: ReportContent) -> str:
    if not content.blessed:
        return "no"
    return "yes" if content.clinical.verdict.certified else "yes, but not certified (clinical.certify is off)"


def _test_images(content: ReportContent) -> str:
    positives = sum(content.confusion[content.labels.index(content.positive_label)])
    total = sum(map(sum, content.confusion))
    return f"{total} test images, {positives} of them {content.positive_label}"


def _check_line(check: GateCheck) -> str:
    name = {"auc": "AUC", "recall": "recall"}.get(check.metric, check.metric)
    what = f"test {name}" if check.kind == "value" else f"test {name}, change from the latest blessed model"
    if check.observed is None:
        return f"{what}: could not be computed (at least {check.bound:.3f} is asked for)"
    if check.passed:
        return f"{what}: {check.observed:.3f} (at least {check.bound:.3f} is asked for)"
    return f"{what}: {check.observed:.3f}, {check.bound - check.observed:.3f} short of {check.bound:.3f}"
