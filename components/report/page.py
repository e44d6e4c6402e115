"""Draws a run's report as one HTML page that holds all it needs and loads nothing."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from components.report import figures
from components.report.clinical import figure_rows
from components.report.content import DataCheck, DataDifference, GateCheck, ReportContent, ShownImage, ShownPair
from components.report.figures import ratio

PACKAGE: Final = "components.report"
TEMPLATE: Final = "page.html.jinja"
STYLE: Final = "page.css"

NOT_AVAILABLE: Final = "n/a"
MINUS: Final = "\u2212"
DECIMALS: Final = 3
MOST_DECIMALS: Final = 6
MOST_LISTED: Final = 50
MOST_REASONS: Final = 20
MOST_WARNINGS_OF_A_CHECK: Final = 3
TINTS: Final = 5
FULL_BAR: Final = 125  # per cent of the limit

DISCLAIMER: Final = "Research use only. Not for diagnosis."
FIRST_RUN: Final = "First run: there was no earlier model to compare with."

VALUE: Final = "value"
CHANGE: Final = "change"
POLICIES: Final = {"fail": "Refuse", "drop": "Leave out", "warn": "Warn"}
KINDS: Final = {VALUE: "Value", CHANGE: "Change"}

Item = TypeVar("Item")

# Title, and meaning in plain words; `{positive}` is the positive class.
METRICS: Final = {
    "auc": (
        "AUC",
        "How well scores rank {positive} images above others (0.5 chance, 1 perfect), at any threshold.",
    ),
    "auc_precision_recall": (
        "Area under the precision-recall curve",
        "Precision averaged over every recall; guessing gives the share of {positive} images.",
    ),
    "recall": ("Recall (sensitivity)", "Share of the {positive} images that are found."),
    "specificity": ("Specificity", "Share of the other images that are not called {positive}."),
    "precision": ("Precision (positive predictive value)", "Share of the images called {positive} that are."),
    "f1": ("F1 score", "Harmonic mean of precision and recall."),
    "accuracy": ("Accuracy", "Share of the images given the right class."),
    "balanced_accuracy": ("Balanced accuracy", "Mean of the recalls of all classes."),
}


@dataclass(frozen=True)
class Verdict:
    """What came of the run. `state` is good, mixed or bad."""

    state: str
    headline: str
    sentences: list[str]
    shortfalls: list[str]


@dataclass(frozen=True)
class CheckRow:
    metric: str
    kind: str
    observed: str
    bound: str
    margin: str
    passed: bool


@dataclass(frozen=True)
class MetricRow:
    title: str
    value: str
    counts: str
    meaning: str


@dataclass(frozen=True)
class Scores:
    """Precision, recall and F1; None for 0/0."""

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassScores:
    label: str
    scores: Scores
    support: int


@dataclass(frozen=True)
class ShareCell:
    text: str
    tint: int


@dataclass(frozen=True)
class Cut(Generic[Item]):
    """The start of a list, and how many more there are."""

    shown: Sequence[Item]
    more: int


@dataclass(frozen=True)
class DataCheckRow:
    """A check of the data; `found` is a number, or says that the check was not made."""

    title: str
    policy: str
    found: str
    dropped: str
    findings: Cut[str]
    fix: str


@dataclass(frozen=True)
class DataWarning:
    """A note, or the title of a check with some of what it found."""

    text: str
    findings: Cut[str]


@dataclass(frozen=True)
class DifferenceCell:
    """One feature of two samples; `percent` is the value as a part of the limit, as far as the bar reaches."""

    value: str
    limit: str
    percent: int
    exceeds: bool


@dataclass(frozen=True)
class DifferenceTable:
    """Features by compared samples; None where a feature was not compared."""

    comparisons: list[str]
    rows: dict[str, list[DifferenceCell | None]]


@dataclass(frozen=True)
class PairFigure:
    """Two images side by side; `remarks` are reasons to look closer."""

    images: list[ShownImage]
    remarks: list[str]
    facts: str


@dataclass(frozen=True)
class Chart:
    """A figure as JSON for plotly.js, or, where there is nothing to draw, the reason."""

    identifier: str
    title: str
    caption: str
    figure: dict[str, Any] | None
    missing: str


def render(content: ReportContent) -> str:
    """The page, complete: style, scripts and figures are inside."""
    environment = Environment(
        loader=PackageLoader(PACKAGE, package_path="."),
        # Everything is escaped, whatever the template is called: file names can hold anything.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=format_number, integer=format_integer, share=format_share)
    learning, at_thresholds = learning_charts(content), threshold_charts(content)
    classes, named_labels = class_scores(content), image_labels(content)
    reasons = Counter(image.reason for image in content.dropped).most_common()
    return environment.get_template(TEMPLATE).render(
        content=content,
        disclaimer=DISCLAIMER,
        created=format_time(content.created),
        verdict=describe_verdict(content),
        checks=[check_row(check) for check in content.checks],
        metrics=metric_rows(content),
        clinical=figure_rows(content.clinical),
        test_images=sum(sum(row) for row in content.confusion),
        image_labels=named_labels,
        image_totals=[sum(split.images.get(label, 0) for split in content.splits) for label in named_labels],
        warnings=data_warnings(content),
        data_checks=[data_check_row(check) for check in content.data_checks],
        differences=difference_table(content.differences),
        full_bar=FULL_BAR,
        pairs=[pair_figure(pair) for pair in content.pairs],
        dropped=cut(content.dropped),
        reasons=cut(reasons, MOST_REASONS),
        reasons_more_images=sum(images for _, images in reasons[MOST_REASONS:]),
        learning_charts=learning,
        threshold_charts=at_thresholds,
        figures={chart.identifier: chart.figure for chart in learning + at_thresholds if chart.figure},
        figure_config=figures.CONFIG,
        predicted_totals=[sum(column) for column in zip(*content.confusion, strict=True)],
        shares=share_rows(content.confusion),
        classes=classes,
        averages=averages(classes),
        style=Markup(files(PACKAGE).joinpath(STYLE).read_text(encoding="utf-8")),  # noqa: S704  our own file
        plotly=Markup(get_plotlyjs()),  # noqa: S704  the library's own file
    )


def cut(items: Sequence[Item], most: int = MOST_LISTED) -> Cut[Item]:
    """A list short enough to read; the JSON summary has it whole."""
    return Cut(items[:most], max(0, len(items) - most))


def format_number(value: float | None, decimals: int = DECIMALS, signed: bool = False) -> str:
    """A fixed number of decimals, with a real minus sign; `n/a` for what is no number."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    rounded = round(value, decimals) or 0.0  # no negative zero
    return f"{rounded:{'+' if signed and rounded else ''}.{decimals}f}".replace("-", MINUS)


def format_integer(value: float) -> str:
    """Whole numbers with a thin space between thousands; weighted counts keep one decimal."""
    return f"{value:,.{0 if float(value).is_integer() else 1}f}".replace(",", "\u202f")


def format_share(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{100 * value:.1f}\u202f%"


def format_time(created: str) -> str:
    """`21 November 2025, 07:01:33 UTC`, or the text as it is where it is no ISO 8601 time."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return created
    time = time.astimezone(UTC) if time.tzinfo else time
    return f"{time.day} {time:%B %Y, %H:%M:%S} UTC"


def describe_verdict(content: ReportContent) -> Verdict:
    failed = [check for check in content.checks if not check.passed]
    shortfalls = [describe_shortfall(check, content.positive_label) for check in failed]
    shortfalls += [criterion.reason for criterion in content.shortfalls]
    return Verdict(
        state=_state(content, failed),
        headline=_headline(content, failed),
        sentences=[_gate_sentence(content, failed), _certification_sentence(content), _comparison_sentence(content)],
        shortfalls=shortfalls,
    )


def describe_shortfall(check: GateCheck, positive_label: str) -> str:
    """Which check was not passed, and by how much, in plain words."""
    name = metric_phrase(check.metric, positive_label)
    margin = check_margin(check)
    if check.observed is None or margin is None:
        what = name if check.kind == VALUE else f"the change in {name}"
        return f"{_capitalised(what)} could not be computed, so its check was not passed."
    decimals = check_decimals(check)
    if check.kind == VALUE:
        measured = f"{format_number(check.observed, decimals)} on the test split"
        asked = f"at least {format_number(check.bound, decimals)}"
    else:
        measured = f"{_difference(check.observed, decimals)} the earlier model's"
        asked = _allowed_change(check.bound, decimals)
    # The gate has the last word: it compares unrounded, and the bound itself may not pass.
    outcome = f"It fell short by {_short_by(check)}." if margin < 0 else "The gate did not pass it."
    return f"{_capitalised(name)} is {measured}; the gate asks for {asked}. {outcome}"


def metric_phrase(metric: str, positive_label: str) -> str:
    """The metric as it stands inside a sentence."""
    if metric == "recall":
        return f"recall of {positive_label} images"
    return metric_title(metric) if metric in METRICS else metric


def metric_title(metric: str) -> str:
    return METRICS[metric][0] if metric in METRICS else _capitalised(metric.replace("_", " "))


def check_margin(check: GateCheck) -> float | None:
    """Observed less bound: negative where it fell short. None where nothing was observed."""
    if check.observed is None or not math.isfinite(check.observed):
        return None
    return check.observed - check.bound


def check_decimals(check: GateCheck) -> int:
    """Decimals enough to show the bound as it is set, and a margin that is not zero as not zero."""
    margin = check_margin(check)
    for decimals in range(DECIMALS, MOST_DECIMALS):
        bound_is_exact = math.isclose(round(check.bound, decimals), check.bound, abs_tol=1e-9)
        margin_is_shown = margin is None or not _is_visible(margin) or round(margin, decimals) != 0
        if bound_is_exact and margin_is_shown:
            return decimals
    return MOST_DECIMALS


def check_row(check: GateCheck) -> CheckRow:
    decimals = check_decimals(check)
    signed = check.kind == CHANGE
    return CheckRow(
        metric=metric_title(check.metric),
        kind=KINDS.get(check.kind, check.kind),
        observed=format_number(check.observed, decimals, signed),
        bound=format_number(check.bound, decimals, signed),
        margin=format_number(check_margin(check), decimals, signed=True),
        passed=check.passed,
    )


def data_check_row(check: DataCheck) -> DataCheckRow:
    return DataCheckRow(
        title=check.title,
        policy=POLICIES.get(check.policy, check.policy),
        found=format_integer(len(check.findings)) if check.made else "not made",
        dropped=format_integer(check.dropped),
        findings=cut(check.findings),
        fix=check.fix,
    )


def data_warnings(content: ReportContent) -> list[DataWarning]:
    """The notes, and whatever was found and is still in the data."""
    notes = [DataWarning(_capitalised(note), cut([])) for note in content.notes]
    return notes + [
        DataWarning(
            f"{check.title}: {format_integer(len(check.findings))} found",
            cut(check.findings, MOST_WARNINGS_OF_A_CHECK),
        )
        for check in content.data_checks
        if check.findings
    ]


def difference_table(differences: Sequence[DataDifference]) -> DifferenceTable:
    comparisons = list(dict.fromkeys((found.first, found.second) for found in differences))
    cells = {(found.feature, found.first, found.second): _difference_cell(found) for found in differences}
    return DifferenceTable(
        comparisons=[f"{_capitalised(first)} and {second}" for first, second in comparisons],
        rows={
            _capitalised(feature): [cells.get((feature, *samples)) for samples in comparisons]
            for feature in dict.fromkeys(found.feature for found in differences)
        },
    )


def pair_figure(pair: ShownPair) -> PairFigure:
    first, second = pair.first, pair.second
    remarks = {
        "Different labels": first.label != second.label,
        "Different patients": pair.different_patients,
        "Different splits": bool(first.split and second.split) and first.split != second.split,
    }
    facts = [
        f"similarity {format_number(pair.similarity, decimals=2)}",
        *([f"second image {pair.change}"] if pair.change else []),
        "certainly one picture" if pair.same_picture else "one picture or neighbouring frames",
    ]
    return PairFigure(
        images=[first, second],
        remarks=[remark for remark, applies in remarks.items() if applies],
        facts=_capitalised(", ".join(facts)),
    )


def metric_rows(content: ReportContent) -> list[MetricRow]:
    """The known metrics in a fixed order, then any others as they come."""
    point = figures.operating_point(content)
    counts = {
        "recall": (point.true_positives, point.true_positives + point.false_negatives),
        "specificity": (point.true_negatives, point.true_negatives + point.false_positives),
        "precision": (point.true_positives, point.true_positives + point.false_positives),
    }
    known = [name for name in METRICS if name in content.metrics]
    others = [name for name in content.metrics if name not in METRICS]
    return [
        MetricRow(
            title=metric_title(name),
            value=format_number(content.metrics[name]),
            counts=_out_of(*counts[name]) if name in counts else "",
            meaning=_meaning(name, content.positive_label),
        )
        for name in known + others
    ]


def image_labels(content: ReportContent) -> list[str]:
    """The classes to count, in label order, then any that only the splits name."""
    named = (label for split in content.splits for label in split.images)
    return list(dict.fromkeys([*content.labels, *named]))


def class_scores(content: ReportContent) -> list[ClassScores]:
    """Each class against the rest, from the confusion matrix."""
    rows = []
    for index, label in enumerate(content.labels):
        hits = content.confusion[index][index]
        support = sum(content.confusion[index])
        called = sum(row[index] for row in content.confusion)
        scores = Scores(ratio(hits, called), ratio(hits, support), ratio(2 * hits, called + support))
        rows.append(ClassScores(label, scores, support))
    return rows


def averages(classes: Sequence[ClassScores]) -> dict[str, Scores]:
    """Macro (every class counts the same) and weighted (by support); 0/0 is left out of either."""
    supports = [row.support for row in classes]
    return {
        "Macro average": _average(classes, [1] * len(supports)),
        "Weighted average": _average(classes, supports),
    }


def share_rows(confusion: Sequence[Sequence[int]]) -> list[list[ShareCell]]:
    """Each row of the confusion matrix as shares of its true class, with a depth of tint."""
    return [[_share_cell(count, sum(row)) for count in row] for row in confusion]


def learning_charts(content: ReportContent) -> list[Chart]:
    charts = [_learning_chart(content, figures.loss(content), "loss", "Loss")]
    if "auc" in content.history or "val_auc" in content.history:
        charts.append(_learning_chart(content, figures.auc(content), "auc", "AUC"))
    return charts


def threshold_charts(content: ReportContent) -> list[Chart]:
    missing = "There is no curve to draw: the test split needs images of the positive class and of the rest."
    return [
        _chart("roc", "ROC curve", _roc_caption(content), figures.roc(content), missing),
        _chart(
            "precision-recall",
            "Precision-recall curve",
            _precision_recall_caption(content),
            figures.precision_recall(content),
            "There is no curve to draw: the test split needs images of the positive class.",
        ),
    ]


def _state(content: ReportContent, failed: Sequence[GateCheck]) -> str:
    if not content.blessed:
        return "bad"
    return "good" if content.published_version is not None and not failed else "mixed"


def _headline(content: ReportContent, failed: Sequence[GateCheck]) -> str:
    if content.blessed:
        version = content.published_version
        return "Blessed, but not published" if version is None else f"Published as version {version}"
    if content.published_version is not None:
        return f"Published as version {content.published_version}, though not blessed"
    if not failed:
        return "Not blessed: the test images do not certify what is asked for"
    if len(failed) > 1:
        return f"Not blessed: {len(failed)} of {len(content.checks)} checks fell short"
    name = metric_phrase(failed[0].metric, content.positive_label)
    margin = check_margin(failed[0])
    if margin is None:
        return f"Not blessed: {name} could not be checked"
    if margin >= 0:
        return f"Not blessed: {name} was not passed"
    return f"Not blessed: {name} fell short by {_short_by(failed[0])}"


def _gate_sentence(content: ReportContent, failed: Sequence[GateCheck]) -> str:
    total = len(content.checks)
    outcome = "" if content.published_version is not None else " Nothing was published."
    if not total:
        return f"The gate made no checks.{outcome}"
    return f"Checks of the gate passed: {total - len(failed)} of {total}.{outcome}"


def _certification_sentence(content: ReportContent) -> str:
    verdict = content.clinical.verdict
    if not verdict.certify:
        return "Not certified: this configuration does not ask for lower bounds."
    held = sum(criterion.passed for criterion in verdict.criteria)
    return f"Certified at 95 %: {held} of {len(verdict.criteria)} criteria."


def _comparison_sentence(content: ReportContent) -> str:
    if content.baseline is None:
        return FIRST_RUN
    return f"Compared with the earlier model: {content.baseline}."


def _difference(change: float, decimals: int) -> str:
    if not round(change, decimals):
        return "the same as"
    return f"{format_number(abs(change), decimals)} {'below' if change < 0 else 'above'}"


def _allowed_change(bound: float, decimals: int) -> str:
    if not bound:
        return "no drop"
    size = format_number(abs(bound), decimals)
    return f"a rise of at least {size}" if bound > 0 else f"a drop of at most {size}"


def _short_by(check: GateCheck) -> str:
    margin = check_margin(check)
    if margin is None:
        return "an unknown amount"
    if not _is_visible(margin):
        return f"less than {10**-MOST_DECIMALS:.{MOST_DECIMALS}f}"
    return format_number(abs(margin), check_decimals(check))


def _is_visible(margin: float) -> bool:
    """Whether the margin shows in the most decimals; less is rounding error."""
    return round(margin, MOST_DECIMALS) != 0


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _out_of(part: float, whole: float) -> str:
    return f"{format_integer(part)} of {format_integer(whole)}"


def _meaning(metric: str, positive_label: str) -> str:
    return METRICS[metric][1].format(positive=positive_label) if metric in METRICS else ""


def _average(classes: Sequence[ClassScores], weights: Sequence[int]) -> Scores:
    def mean(values: Sequence[float | None]) -> float | None:
        pairs = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
        return ratio(sum(value * weight for value, weight in pairs), sum(weight for _, weight in pairs))

    return Scores(
        precision=mean([row.scores.precision for row in classes]),
        recall=mean([row.scores.recall for row in classes]),
        f1=mean([row.scores.f1 for row in classes]),
    )


def _difference_cell(found: DataDifference) -> DifferenceCell:
    share = ratio(found.value, found.limit)
    return DifferenceCell(
        value=format_number(found.value),
        limit=format_number(found.limit),
        percent=FULL_BAR if share is None else min(FULL_BAR, round(100 * share)),
        exceeds=found.value > found.limit,
    )


def _share_cell(count: int, total: int) -> ShareCell:
    share = ratio(count, total)
    return ShareCell(format_share(share), 0 if share is None else round(share * TINTS))


def _chart(identifier: str, title: str, caption: str, figure: go.Figure, missing: str) -> Chart:
    # Through plotly's own encoder, which knows its types and writes NaN as null.
    drawn = json.loads(figure.to_json()) if figure.data else None
    return Chart(identifier, title, caption, drawn, missing)


def _learning_chart(content: ReportContent, figure: go.Figure, metric: str, title: str) -> Chart:
    caption = _learning_caption(content, metric)
    return _chart(f"history-{metric}", title, caption, figure, "No values per epoch were recorded.")


def _learning_caption(content: ReportContent, metric: str) -> str:
    series = {"train": content.history.get(metric, []), "eval": content.history.get(f"val_{metric}", [])}
    epochs = max(len(values) for values in series.values())
    sentences = []
    for when, epoch in (("Best epoch", content.best_epoch), ("Last epoch", epochs)):
        values = [
            f"{split} {format_number(values[epoch - 1])}"
            for split, values in series.items()
            if 1 <= epoch <= len(values)
        ]
        if values:
            sentences.append(f"{when} ({epoch} of {epochs}): {', '.join(values)}.")
    return " ".join(sentences)


def _roc_caption(content: ReportContent) -> str:
    point = figures.operating_point(content)
    positives = point.true_positives + point.false_negatives
    negatives = point.false_positives + point.true_negatives
    return (
        f"AUC {format_number(content.metrics.get('auc'))}. "
        f"At the threshold {format_number(content.threshold)}: "
        f"true positive rate {format_number(figures.recall(point))} "
        f"({_out_of(point.true_positives, positives)}), "
        f"false positive rate {format_number(figures.false_positive_rate(point))} "
        f"({_out_of(point.false_positives, negatives)})."
    )


def _precision_recall_caption(content: ReportContent) -> str:
    point = figures.operating_point(content)
    called = point.true_positives + point.false_positives
    return (
        f"At the threshold {format_number(content.threshold)}: "
        f"precision {format_number(figures.precision(point))} ({_out_of(point.true_positives, called)}), "
        f"recall {format_number(figures.recall(point))}. "
        f"Share of positives, the precision of guessing: {format_number(figures.prevalence(point))}."
    )
