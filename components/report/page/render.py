"""One HTML page that holds all it needs and loads nothing."""

from dataclasses import dataclass
from typing import Any, Final

from components.clinical_evaluator.figure_rows import bootstrap_method, figure_groups
from components.clinical_evaluator.verdict import NOT_ASKED
from components.report.content import Data, ReportContent
from components.report.page import charts, data_tables, forest, heat_maps, text
from components.report.page.decisions import average_rows, share_rows
from components.report.page.document import document_values, make_environment, own_file
from components.report.page.explorer import explorer
from components.report.page.gate_checks import check_row
from components.report.page.verdict import criterion_row, describe_verdict

PAGE_TEMPLATE: Final = "page.html.jinja"
SCRIPT: Final = "explorer.js"


@dataclass(frozen=True)
class Section:
    """A part of the page that the navigation leads to."""

    identifier: str
    title: str
    template: str


def render(content: ReportContent) -> str:
    """The page, complete: style, scripts and figures are inside."""
    drawn = _charts(content)
    return (
        make_environment()
        .get_template(PAGE_TEMPLATE)
        .render(
            content=content,
            clinical=content.clinical,
            created=text.format_time(content.created),
            sections=sections(content),
            **_verdict(content),
            **drawn,
            **document_values([chart for kind in drawn.values() for chart in kind]),
            **_decisions(content),
            **_heat_maps(content),
            **_data(content.data, content.clinical.labels),
            script=own_file(SCRIPT),
        )
    )


def sections(content: ReportContent) -> list[Section]:
    """Those that this page has, in their order."""
    gate = [Section("gate", "Gate", "gate")] if content.gate else []
    training = [Section("training", "Training", "training")] if content.training else []
    scored_maps = [Section("heat-maps", "Heat maps", "heat_maps")] if content.heat_maps else []
    return [
        *gate,
        Section("metrics", "Metrics", "metrics"),
        Section("curves", "Curves", "curves"),
        Section("explorer", "Threshold explorer", "explorer"),
        Section("calibration", "Calibration", "calibration"),
        Section("confusion", "Confusion", "confusion"),
        Section("classes", "Classes", "classes"),
        Section("slices", "Slices", "slices"),
        Section("comparison", "Comparison", "comparison"),
        Section("images", "Images", "images"),
        *scored_maps,
        Section("data", "Data", "data"),
        Section("data-checks", "Data checks", "data_checks"),
        Section("pairs", "Near-duplicates", "pairs"),
        *training,
        Section("lineage", "Lineage", "lineage"),
        Section("configuration", "Configuration", "configuration"),
    ]


def _verdict(content: ReportContent) -> dict[str, Any]:
    clinical = content.clinical
    return {
        "verdict": describe_verdict(content),
        "criteria": [criterion_row(criterion) for criterion in clinical.verdict.criteria],
        "checks": [check_row(check) for check in content.gate.checks] if content.gate else [],
        "test_images": sum(clinical.cohort.images.values()),
        # What the stamp does not say already.
        "notes": [note for note in clinical.verdict.notes if note != NOT_ASKED],
    }


def _charts(content: ReportContent) -> dict[str, list[charts.Chart]]:
    clinical = content.clinical
    return {
        "learning_charts": charts.learning_charts(content.training) if content.training else [],
        "ranking_charts": charts.ranking_charts(clinical),
        "probability_charts": charts.probability_charts(clinical),
    }


def _decisions(content: ReportContent) -> dict[str, Any]:
    clinical = content.clinical
    confusion = clinical.operating_point.confusion
    comparison = clinical.comparison
    return {
        "figure_groups": figure_groups(clinical),
        "usual_method": bootstrap_method(clinical),
        "explorer": explorer(content.curve, clinical),
        "shares": share_rows(confusion),
        "predicted_totals": [sum(column) for column in zip(*confusion, strict=True)],
        "averages": average_rows(clinical),
        "slice_groups": forest.slice_groups(clinical),
        "all_images": forest.all_images(clinical),
        "share_axis": forest.SHARES,
        "forest_width": forest.WIDTH,
        "model_comparison": forest.comparison_table(comparison, clinical.replicates) if comparison else None,
    }


def _heat_maps(content: ReportContent) -> dict[str, Any]:
    found = content.heat_maps
    return {
        "has_overlays": any(image.overlay for group in content.image_groups for image in group.images),
        "heat_maps": found,
        "heat_map_rows": heat_maps.score_rows(found) if found else [],
        "heat_map_judgements": heat_maps.judgements(found) if found else [],
    }


def _data(data: Data, labels: list[str]) -> dict[str, Any]:
    named_labels = data_tables.image_labels(data, labels)
    return {
        "data": data,
        "image_labels": named_labels,
        "image_totals": [sum(split.images.get(label, 0) for split in data.splits) for label in named_labels],
        "samples": data_tables.samples_by_class(data.samples),
        "warnings": data_tables.data_warnings(data),
        "data_checks": [data_tables.data_check_row(check) for check in data.checks],
        "differences": data_tables.difference_table(data.differences),
        "full_bar": data_tables.FULL_BAR,
        "pairs": [data_tables.pair_figure(pair) for pair in data.pairs],
        "dropped": text.cut(data.dropped),
        "dropped_reasons": data_tables.count_reasons(data),
    }
