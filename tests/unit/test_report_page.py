"""The report page: what it says, what it draws, and that it loads and runs nothing from outside."""

import math
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from plotly.offline import get_plotlyjs
from sklearn.metrics import precision_recall_fscore_support

from components.report import figures, page
from components.report.content import (
    CurvePoint,
    DataCheck,
    DataDifference,
    DroppedImage,
    GateCheck,
    ReportContent,
    ShownImage,
    ShownPair,
    SplitCount,
)
from tests.clinical import example_evaluation

SCRIPT = "<script>alert('x')</script>"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
VOID_TAGS = {"meta", "link", "br", "hr", "img", "input"}


def make_content(**changes: Any) -> ReportContent:
    values: dict[str, Any] = {
        "run_name": "example",
        "created": "2025-11-21T07:01:33+00:00",
        "dataset_title": "Example images",
        "modality": "ultrasound",
        "source": "Example et al. 2020, https://example.org/data",
        "labels": ["benign", "malignant"],
        "positive_label": "malignant",
        "splits": [
            SplitCount(split="train", images={"benign": 60, "malignant": 1240}, groups=70),
            SplitCount(split="test", images={"benign": 10, "malignant": 10}, groups=12),
        ],
        "dropped": [],
        "data_checks": [data_check()],
        "differences": [],
        "notes": [],
        "pairs_found": 0,
        "pairs": [],
        "architecture": "DenseNet121",
        "parameters": 7_040_579,
        "image_size": [224, 224],
        "history": {
            "loss": [0.9, 0.5, 0.3],
            "val_loss": [0.8, 0.6, 0.7],
            "auc": [0.6, 0.8, 0.9],
            "val_auc": [0.6, 0.75, 0.7],
        },
        "best_epoch": 2,
        "threshold": 0.4,
        "threshold_reason": "It was chosen so.",
        "checks": [check("auc", observed=0.91, bound=0.85), check("recall", observed=0.8, bound=0.75)],
        "baseline": "model 12",
        "blessed": True,
        "published_version": "4",
        "published_path": "/models/example/4",
        "clinical": example_evaluation(),
        "metrics": {"auc": 0.91, "recall": 0.8, "specificity": 0.7, "precision": 8 / 11},
        "confusion": [[7, 3], [2, 8]],
        "curve": [point(0.0, 10, 10, 0, 0), point(0.4, 8, 3, 7, 2), point(1.0, 0, 0, 10, 10)],
        "lineage": {"tfx": "1.21.0"},
        "configuration": "name: example\n",
    }
    return ReportContent(**(values | changes))


def check(
    metric: str, *, observed: float | None, bound: float, kind: str = "value", passed: bool | None = None
) -> GateCheck:
    reached = observed is not None and observed >= bound
    return GateCheck(
        metric=metric, kind=kind, observed=observed, bound=bound, passed=reached if passed is None else passed
    )


def data_check(**changes: Any) -> DataCheck:
    values: dict[str, Any] = {
        "check": "burned_in",
        "title": "Burned-in frames or text",
        "policy": "warn",
        "made": True,
        "findings": [],
        "dropped": 0,
        "fix": "crop the margins",
    }
    return DataCheck(**(values | changes))


def difference(**changes: Any) -> DataDifference:
    values: dict[str, Any] = {"feature": "width", "first": "train", "second": "test", "value": 0.05, "limit": 0.1}
    return DataDifference(**(values | changes))


def shown_image(**changes: Any) -> ShownImage:
    values: dict[str, Any] = {
        "source": "a.png",
        "label": "benign",
        "split": "train",
        "left_out": "",
        "picture": PICTURE,
    }
    return ShownImage(**(values | changes))


def pair(first: ShownImage, second: ShownImage, **changes: Any) -> ShownPair:
    values: dict[str, Any] = {"different_patients": False, "similarity": 0.957, "change": "", "same_picture": True}
    return ShownPair(first=first, second=second, **(values | changes))


def point(threshold: float, tp: float, fp: float, tn: float, fn: float) -> CurvePoint:
    return CurvePoint(
        threshold=threshold, true_positives=tp, false_positives=fp, true_negatives=tn, false_negatives=fn
    )


def refused(*checks: GateCheck, **changes: Any) -> ReportContent:
    unpublished: dict[str, Any] = {"blessed": False, "published_version": None, "published_path": None}
    return make_content(checks=list(checks), **(unpublished | changes))


class Page(HTMLParser):
    """The elements of a page in order, its texts, and where they nest wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.misnested: list[str] = []
        self.styles: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
        elif self.open and self.open[-1] != "script" and data.strip():
            self.texts.append(re.sub(r"[ \n]+", " ", data.strip()))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(autouse=True)
def small_bundle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering without the 5 MB of plotly.js, except where a test asks for them."""
    if "whole_page" not in request.fixturenames:
        monkeypatch.setattr(page, "get_plotlyjs", lambda: "/* plotly.js */")


@pytest.fixture(scope="module")
def whole_page() -> str:
    shown = pair(shown_image(), shown_image(source="b.png"))
    return page.render(
        make_content(
            data_checks=[data_check(findings=["a.png: text"])],
            differences=[difference()],
            pairs_found=1,
            pairs=[shown],
        )
    )


def test_verdict_of_a_published_model() -> None:
    verdict = page.describe_verdict(make_content())

    assert verdict.state == "good"
    assert verdict.headline == "Published as version 4"
    assert verdict.sentences == [
        "Checks of the gate passed: 2 of 2.",
        "Not certified: this configuration does not ask for lower bounds.",
        "Compared with the earlier model: model 12.",
    ]
    assert verdict.shortfalls == []


def test_verdict_of_a_certified_model() -> None:
    verdict = page.describe_verdict(make_content(clinical=example_evaluation(certify=True)))

    assert verdict.sentences[1] == "Certified at 95 %: 2 of 2 criteria."


def test_verdict_of_a_model_that_passed_the_gate_and_cannot_be_certified() -> None:
    clinical = example_evaluation(certify=True, minimum_recall=0.8)
    content = make_content(clinical=clinical, blessed=False, published_version=None, published_path=None)
    verdict = page.describe_verdict(content)

    assert verdict.state == "bad"
    assert verdict.headline == "Not blessed: the test images do not certify what is asked for"
    assert verdict.shortfalls == [clinical.verdict.criteria[1].reason]


def test_verdict_of_a_first_run() -> None:
    verdict = page.describe_verdict(make_content(baseline=None))

    assert verdict.sentences[-1] == "First run: there was no earlier model to compare with."


def test_verdict_of_a_blessed_but_unpublished_model() -> None:
    verdict = page.describe_verdict(make_content(published_version=None, published_path=None))

    assert (verdict.state, verdict.headline) == ("mixed", "Blessed, but not published")
    assert verdict.sentences[0] == "Checks of the gate passed: 2 of 2. Nothing was published."


def test_verdict_of_a_refused_model() -> None:
    content = refused(check("auc", observed=0.91, bound=0.85), check("recall", observed=0.842, bound=0.9))

    verdict = page.describe_verdict(content)

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

    verdict = page.describe_verdict(content)

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
    assert page.describe_shortfall(check("auc", observed=observed, bound=bound, kind="change"), "x") == expected


def test_verdict_where_a_metric_could_not_be_computed() -> None:
    verdict = page.describe_verdict(refused(check("recall", observed=None, bound=0.9)))

    assert verdict.headline == "Not blessed: recall of malignant images could not be checked"
    assert verdict.shortfalls == ["Recall of malignant images could not be computed, so its check was not passed."]


def test_a_check_refused_at_its_bound_is_not_said_to_fall_short() -> None:
    verdict = page.describe_verdict(refused(check("auc", observed=0.9, bound=0.9, passed=False)))

    assert verdict.headline == "Not blessed: AUC was not passed"
    assert verdict.shortfalls == [
        "AUC is 0.900 on the test split; the gate asks for at least 0.900. The gate did not pass it."
    ]


def test_a_narrow_margin_is_shown_with_enough_decimals() -> None:
    row = page.check_row(check("recall", observed=0.89996, bound=0.9))

    assert (row.observed, row.bound, row.margin) == ("0.89996", "0.90000", "\u22120.00004")


def test_check_rows_carry_signs_for_changes() -> None:
    row = page.check_row(check("auc", observed=0.004, bound=-0.01, kind="change"))

    assert (row.metric, row.kind, row.observed, row.bound, row.margin, row.passed) == (
        "AUC",
        "Change",
        "+0.004",
        "\u22120.010",
        "+0.014",
        True,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
        (-0.0001, "0.000"),
        (-0.5, "\u22120.500"),
        (1, "1.000"),
    ],
)
def test_format_number(value: float | None, expected: str) -> None:
    assert page.format_number(value) == expected


@pytest.mark.parametrize(
    "confusion",
    [
        [[7, 3], [2, 8]],
        [[19, 5, 3], [18, 55, 15], [1, 0, 41]],
        [[5, 1, 0], [0, 9, 2], [0, 0, 0]],  # the last class has no support
        [[5, 1, 0], [0, 9, 0], [3, 1, 0]],  # the last class is never predicted
        [[5, 1, 0], [0, 9, 0], [0, 0, 0]],  # neither
    ],
)
def test_class_scores_agree_with_scikit_learn(confusion: list[list[int]]) -> None:
    labels = [f"class {index}" for index in range(len(confusion))]
    content = make_content(labels=labels, positive_label=labels[-1], confusion=confusion)
    true, predicted = _unroll(confusion)

    classes = page.class_scores(content)

    expected = precision_recall_fscore_support(true, predicted, labels=range(len(labels)), zero_division=np.nan)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(_floats([getattr(row.scores, name) for row in classes]), values)
    assert [row.support for row in classes] == list(expected[3])
    for kind, scores in page.averages(classes).items():
        average = precision_recall_fscore_support(
            true,
            predicted,
            labels=range(len(labels)),
            average=kind.split()[0].lower(),
            zero_division=np.nan,
        )
        np.testing.assert_allclose(_floats([scores.precision, scores.recall, scores.f1]), average[:3])


def test_a_share_of_nothing_is_not_available() -> None:
    content = make_content(labels=["normal", "benign", "malignant"], confusion=[[5, 1, 0], [0, 9, 0], [0, 0, 0]])

    texts = Page(page.render(content)).texts

    assert [cell.text for cell in page.share_rows(content.confusion)[2]] == ["n/a"] * 3
    assert page.share_rows(content.confusion)[0][0].text == "83.3\u202f%"
    assert "n/a" in texts
    assert not any(re.search(r"\bnan\b", text, re.IGNORECASE) for text in texts)


def test_operating_point_is_the_positive_class_against_the_rest() -> None:
    content = make_content(labels=["normal", "benign", "malignant"], confusion=[[19, 5, 3], [18, 55, 15], [1, 0, 41]])

    assert figures.operating_point(content) == point(0.4, 41, 18, 97, 1)


def test_roc_points_from_counts() -> None:
    points = figures.roc_points(make_content().curve)

    assert [(p.threshold, p.x, p.y) for p in points] == [(0.0, 1.0, 1.0), (0.4, 0.3, 0.8), (1.0, 0.0, 0.0)]


def test_precision_recall_points_leave_out_thresholds_that_call_nothing() -> None:
    points = figures.precision_recall_points(make_content().curve)

    assert [(p.threshold, p.x, p.y) for p in points] == [(0.0, 1.0, 0.5), (0.4, 0.8, 8 / 11)]


def test_roc_figure_marks_the_operating_point() -> None:
    traces = {trace.name: trace for trace in figures.roc(make_content()).data}

    assert list(traces["Model"].x) == [1.0, 0.3, 0.0]
    assert (traces["Operating point"].x, traces["Operating point"].y) == ((0.3,), (0.8,))


def test_precision_recall_figure_shows_the_share_of_positives() -> None:
    traces = {trace.name: trace for trace in figures.precision_recall(make_content()).data}

    assert traces["Share of positives"].y == (0.5, 0.5)
    assert traces["Operating point"].y == (pytest.approx(8 / 11),)


def test_learning_curves_mark_the_best_epoch() -> None:
    traces = {trace.name: trace for trace in figures.loss(make_content()).data}

    assert traces["Train split"].y == (0.9, 0.5, 0.3)
    assert traces["Eval split"].x == (1, 2, 3)
    assert (traces["Best epoch (2)"].x, traces["Best epoch (2)"].y) == ((2,), (0.6,))


def test_a_diverged_epoch_is_a_gap() -> None:
    content = make_content(history={"loss": [0.9, math.nan, math.inf]}, best_epoch=2)

    (trace,) = figures.loss(content).data

    assert trace.y == (0.9, None, None)
    assert page.learning_charts(content)[0].caption == (
        "Best epoch (2 of 3): train n/a. Last epoch (3 of 3): train n/a."
    )


def test_axes_have_titles_with_units() -> None:
    content = make_content()
    built = [figures.loss, figures.auc, figures.roc, figures.precision_recall]

    titles = [(f.layout.xaxis.title.text, f.layout.yaxis.title.text) for f in (make(content) for make in built)]

    assert titles == [
        ("Epoch (number)", "Loss (no unit)"),
        ("Epoch (number)", "AUC (0 to 1)"),
        ("False positive rate (share of negatives)", "True positive rate (share of positives)"),
        ("Recall (share of positives)", "Precision (share of positive calls)"),
    ]


def test_without_auc_in_the_history_there_is_no_auc_chart() -> None:
    content = make_content(history={"loss": [0.5], "val_loss": [0.6]}, best_epoch=1)

    assert [chart.identifier for chart in page.learning_charts(content)] == ["history-loss"]


def test_an_empty_history_is_said_to_be_empty() -> None:
    content = make_content(history={}, best_epoch=0)

    drawn = Page(page.render(content))

    assert figures.loss(content).data == ()
    assert "No values per epoch were recorded." in drawn.texts
    assert [div["id"] for div in drawn.named("div") if div.get("class") == "chart"] == [
        "roc",
        "precision-recall",
    ]


@pytest.mark.parametrize(
    ("curve", "confusion", "charts"),
    [
        ([point(0.0, 0, 5, 0, 0), point(0.5, 0, 2, 3, 0)], [[3, 2], [0, 0]], []),
        ([point(0.0, 5, 0, 0, 0), point(0.5, 3, 0, 0, 2)], [[0, 0], [2, 3]], ["precision-recall"]),
        ([], [[0, 0], [0, 0]], []),
    ],
    ids=["no positives", "no negatives", "no curve"],
)
def test_a_curve_that_cannot_be_drawn(
    curve: Sequence[CurvePoint], confusion: list[list[int]], charts: list[str]
) -> None:
    content = make_content(curve=list(curve), confusion=confusion, history={}, metrics={})

    drawn = Page(page.render(content))

    assert [div["id"] for div in drawn.named("div") if div.get("class") == "chart"] == charts
    assert sum("There is no curve to draw" in text for text in drawn.texts) == 2 - len(charts)
    assert "No metrics were recorded." in drawn.texts


def test_key_metrics_in_order_with_counts() -> None:
    rows = page.metric_rows(make_content(metrics={"kappa": 0.5, "precision": 8 / 11, "auc": 0.91, "recall": 0.8}))

    assert [(row.title, row.value, row.counts) for row in rows] == [
        ("AUC", "0.910", ""),
        ("Recall (sensitivity)", "0.800", "8 of 10"),
        ("Precision (positive predictive value)", "0.727", "8 of 11"),
        ("Kappa", "0.500", ""),
    ]


def test_data_counts_and_totals() -> None:
    texts = Page(page.render(make_content())).texts

    start = texts.index("All splits")
    assert texts[start : start + 5] == ["All splits", "82 groups", "70", "1\u202f250", "1\u202f320"]


def test_no_dropped_images_and_no_warnings() -> None:
    texts = Page(page.render(make_content())).texts

    assert "No image was dropped." in texts
    assert "There were no warnings." in texts


def test_warnings_are_the_notes_and_what_is_still_in_the_data() -> None:
    checks = [
        data_check(title="Burned-in text", findings=[f"{index}.png: text" for index in range(1234)]),
        data_check(title="Unreadable files", policy="drop", dropped=3),
        data_check(title="Splits that differ", findings=["width: train and test differ"]),
    ]

    warnings = page.data_warnings(make_content(notes=["no patients are named"], data_checks=checks))

    assert [(warning.text, list(warning.findings.shown), warning.findings.more) for warning in warnings] == [
        ("No patients are named", [], 0),
        ("Burned-in text: 1\u202f234 found", ["0.png: text", "1.png: text", "2.png: text"], 1231),
        ("Splits that differ: 1 found", ["width: train and test differ"], 0),
    ]


def test_every_check_of_the_data_is_listed() -> None:
    checks = [
        data_check(title="Unreadable files", policy="fail"),
        data_check(title="Masks", policy="drop", dropped=1798),
        data_check(title="Burned-in text", findings=["a.png: text", "b.png: text"]),
        data_check(title="Drift", policy="fail", made=False),
    ]

    texts = Page(page.render(make_content(data_checks=checks))).texts

    start = texts.index("Unreadable files")
    assert texts[start : texts.index("Differences between samples")] == [
        *("Unreadable files", "Refuse", "0", "0"),
        *("Masks", "Leave out", "0", "1\u202f798"),
        *("Burned-in text", "Warn", "2", "0"),
        *("What was found, and how to correct it", "a.png: text", "b.png: text", "To correct it: crop the margins."),
        *("Drift", "Refuse", "not made", "0"),
    ]


def test_a_long_list_of_findings_is_cut() -> None:
    findings = [f"folder/{index}.png: text" for index in range(500)]

    drawn = Page(page.render(make_content(data_checks=[data_check(findings=findings)])))

    assert sum(text.startswith("folder/") for text in drawn.texts) == page.MOST_LISTED + page.MOST_WARNINGS_OF_A_CHECK
    assert "and 450 more" in drawn.texts


def test_differences_by_feature_and_samples() -> None:
    table = page.difference_table(
        [
            difference(feature="width", second="eval", value=0.05, limit=0.2),
            difference(feature="class", second="eval", value=0.3, limit=0.2),
            difference(feature="width", first="the last accepted data", second="train", value=0.22, limit=0.2),
        ]
    )

    assert table.comparisons == ["Train and eval", "The last accepted data and train"]
    assert table.rows == {
        "Width": [
            page.DifferenceCell("0.050", "0.200", 25, exceeds=False),
            page.DifferenceCell("0.220", "0.200", 110, exceeds=True),
        ],
        "Class": [page.DifferenceCell("0.300", "0.200", page.FULL_BAR, exceeds=True), None],
    }


def test_a_difference_is_drawn_against_its_limit() -> None:
    drawn = Page(page.render(make_content(differences=[difference(value=0.05, limit=0.2), difference(feature="x")])))

    assert [rect["width"] for rect in drawn.named("rect") if rect["class"] == "value"] == ["25", "50"]
    assert {line["x1"] for line in drawn.named("line")} == {"100"}
    start = drawn.texts.index("Width")
    assert drawn.texts[start : start + 3] == ["Width", "0.050", "of 0.200"]


def test_a_difference_beyond_its_limit_is_said_in_words() -> None:
    texts = Page(page.render(make_content(differences=[difference(value=0.25, limit=0.2)]))).texts

    assert "over 0.200" in texts


def test_a_pair_is_described() -> None:
    first = shown_image(label="benign", split="train")
    conflict = pair(first, shown_image(label="malignant", split="test"), different_patients=True, change="mirrored")
    neighbour = pair(first, shown_image(split="", left_out="a copy"), similarity=0.7, same_picture=False)

    assert [(figure.remarks, figure.facts) for figure in map(page.pair_figure, (conflict, neighbour))] == [
        (
            ["Different labels", "Different patients", "Different splits"],
            "Similarity 0.96, second image mirrored, certainly one picture",
        ),
        ([], "Similarity 0.70, one picture or neighbouring frames"),
    ]


def test_pairs_are_shown_side_by_side() -> None:
    shown = pair(
        shown_image(source="a.png"), shown_image(source="b.png", label="malignant", split="", left_out="a copy")
    )

    drawn = Page(page.render(make_content(pairs=[shown], pairs_found=31)))

    assert drawn.named("img") == [
        {"src": PICTURE, "alt": "benign, a.png"},
        {"src": PICTURE, "alt": "malignant, b.png"},
    ]
    assert any(text.startswith("1 of the 31 pairs") for text in drawn.texts)
    start = drawn.texts.index("a.png") - 2
    assert drawn.texts[start : start + 8] == [
        *("benign", ", train", "a.png"),
        *("malignant", ", left out: a copy", "b.png"),
        "Different labels",
        "Similarity 0.96, certainly one picture",
    ]


def test_a_page_without_checks_differences_and_pairs() -> None:
    drawn = Page(page.render(make_content(data_checks=[])))

    assert "No checks of the data were made." in drawn.texts
    assert "There was nothing to compare." in drawn.texts
    assert "No near-duplicate images were found." in drawn.texts
    assert drawn.named("img") == []


def test_a_long_list_of_dropped_files_is_cut() -> None:
    dropped = [DroppedImage(source=f"folder/{index}.png", reason="blank") for index in range(500)]

    drawn = Page(page.render(make_content(dropped=dropped)))

    assert sum(text.startswith("folder/") for text in drawn.texts) == page.MOST_LISTED
    assert "and 450 more" in drawn.texts
    start = drawn.texts.index("blank")
    assert drawn.texts[start : start + 4] == ["blank", "500", "All reasons", "500"]


def test_a_long_list_of_reasons_is_cut() -> None:
    dropped = [DroppedImage(source="a.png", reason=f"reason {index}") for index in range(500)]

    texts = Page(page.render(make_content(dropped=dropped))).texts

    start = texts.index("and 480 more reasons")
    assert texts[start : start + 4] == ["and 480 more reasons", "480", "All reasons", "500"]


def test_text_from_outside_is_escaped() -> None:
    content = make_content(
        run_name=SCRIPT,
        dataset_title=SCRIPT,
        created=f'"{SCRIPT}',
        labels=["benign", SCRIPT],
        positive_label=SCRIPT,
        dropped=[DroppedImage(source=f"folder/{SCRIPT}.png", reason=SCRIPT)],
        data_checks=[data_check(title=SCRIPT, policy=SCRIPT, findings=[f"folder/{SCRIPT}.jpg"], fix=SCRIPT)],
        differences=[difference(feature=SCRIPT, first=SCRIPT, second=SCRIPT)],
        notes=[SCRIPT],
        pairs_found=1,
        pairs=[
            pair(
                shown_image(source=f'">{SCRIPT}', label=SCRIPT, split=SCRIPT, picture=f'">{SCRIPT}'),
                shown_image(source=SCRIPT, split="", left_out=SCRIPT),
                change=SCRIPT,
            )
        ],
        checks=[check(f"recall{SCRIPT}", observed=0.1, bound=0.2)],
        baseline=SCRIPT,
        metrics={SCRIPT: 0.5, "recall": 0.8},
        lineage={SCRIPT: SCRIPT},
        configuration=f"note: '</code></pre>{SCRIPT}'\n",
    )

    text = page.render(content)
    drawn = Page(text)

    assert SCRIPT not in text
    assert "<script>alert" not in text
    assert len(drawn.named("script")) == 3
    assert drawn.misnested == []
    assert f"folder/{SCRIPT}.png" in drawn.texts
    assert f"folder/{SCRIPT}.jpg" in drawn.texts
    assert drawn.named("img")[0] == {"src": f'">{SCRIPT}', "alt": f'{SCRIPT}, ">{SCRIPT}'}
    assert f"note: '</code></pre>{SCRIPT}'" in drawn.texts


def test_figures_hold_no_text_from_outside() -> None:
    content = make_content(labels=["benign", "<b>odd</b>"], positive_label="<b>odd</b>", run_name="<b>odd</b>")

    for make in (figures.loss, figures.auc, figures.roc, figures.precision_recall):
        assert "odd" not in make(content).to_json()


def test_the_page_loads_nothing(whole_page: str) -> None:
    drawn = Page(whole_page)

    links = [attributes["href"] for attributes in drawn.named("a")]
    loading = [
        (tag, name)
        for tag, attributes in drawn.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "data", "poster", "background", "action"} or (name == "href" and tag != "a")
        if value != PICTURE  # the picture itself, not where it lies
    ]
    assert loading == []
    assert all(link is not None and link.startswith("#") for link in links)
    assert not re.search(r"@import|url\(", "".join(drawn.styles))
    assert not any("style" in attributes for _, attributes in drawn.elements)


def test_the_browser_is_told_to_load_nothing(whole_page: str) -> None:
    (policy,) = [meta["content"] for meta in Page(whole_page).named("meta") if meta.get("http-equiv")]

    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_plotly_is_inside_once(whole_page: str) -> None:
    bundle = get_plotlyjs()

    assert whole_page.count(bundle) == 1
    # Either would end or change the script element early.
    assert "</script" not in bundle
    assert "<!--" not in bundle


def test_structure_for_assistive_technology(whole_page: str) -> None:
    drawn = Page(whole_page)
    identifiers = [attributes["id"] for _, attributes in drawn.elements if "id" in attributes]

    assert drawn.misnested == []
    assert drawn.open == []
    assert len(identifiers) == len(set(identifiers))
    assert drawn.named("html") == [{"lang": "en"}]
    assert len(drawn.named("h1")) == 1
    assert any(meta.get("name") == "viewport" for meta in drawn.named("meta"))
    assert drawn.named("a")[0] == {"class": "skip", "href": "#main"}
    assert all(link["href"][1:] in identifiers for link in drawn.named("a") if link["href"])
    assert len(drawn.named("table")) == len(drawn.named("caption")) > 0
    assert all("scope" in header for header in drawn.named("th"))
    assert all(section["aria-labelledby"] in identifiers for section in drawn.named("section"))
    charts = [div for div in drawn.named("div") if div.get("class") == "chart"]
    assert len(charts) == 4
    assert all(div["role"] == "img" and div["aria-label"] for div in charts)


def test_sections_stand_in_order(whole_page: str) -> None:
    headings = [heading["id"] for heading in Page(whole_page).named("h2")]

    assert headings == [
        "verdict",
        "gate",
        "metrics",
        "certification",
        "intervals",
        "data",
        "data-checks",
        "pairs",
        "training",
        "curves",
        "confusion",
        "classes",
        "lineage",
        "configuration",
    ]


def test_the_page_says_what_it_is_for(whole_page: str) -> None:
    texts = Page(whole_page).texts

    assert "Research use only. Not for diagnosis." in texts
    assert "21 November 2025, 07:01:33 UTC" in " ".join(texts)


def _unroll(confusion: list[list[int]]) -> tuple[list[int], list[int]]:
    """The true and the predicted classes that give this confusion matrix."""
    pairs = [
        (true, predicted)
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        for _ in range(count)
    ]
    return [true for true, _ in pairs], [predicted for _, predicted in pairs]


def _floats(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
