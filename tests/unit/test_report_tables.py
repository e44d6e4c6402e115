"""Tables of the report, by value: data, decisions, slices, the comparison, the threshold explorer."""

import math

import numpy as np
import pytest

from components.clinical_evaluator.content import Figure
from components.clinical_evaluator.figure_rows import figure_groups, figure_rows
from components.report.content import DroppedImage
from components.report.page import data_tables, decisions, forest, text
from components.report.page.explorer import explorer
from tests.clinical import evaluation_of, example_evaluation, scored_images
from tests.report import (
    compared_evaluation,
    data_check,
    difference,
    make_data,
    pair,
    point,
    sample,
    shown_image,
    three_class_evaluation,
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
    assert text.format_number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0001, "0.000"), (0.5, "+0.500"), (-0.5, "\u22120.500"), (None, "n/a"), (math.inf, "n/a")],
)
def test_format_signed(value: float | None, expected: str) -> None:
    assert text.format_signed(value) == expected


def test_format_interval() -> None:
    assert text.format_interval(Figure(value=0.5, low=0.4, high=0.6)) == "0.400 to 0.600"
    assert text.format_figure(Figure(value=0.5)) == "0.500 (no interval)"
    assert text.format_figure(Figure(value=None)) == "n/a (no interval)"


def test_every_figure_is_in_one_group_with_its_meaning() -> None:
    evaluation = three_class_evaluation()
    groups = figure_groups(evaluation)

    assert [group.title for group in groups] == ["At any threshold", "At the threshold 0.400", "Probabilities"]
    assert [row for group in groups for row in group.rows] == figure_rows(evaluation)
    meanings = {row.title: row.meaning for group in groups for row in group.rows if row.meaning}
    assert meanings["Recall (sensitivity)"] == "Share of the malignant images that are found."
    rows = {row.title: row for row in groups[0].rows}
    assert {"AUC of normal", "AUC of benign", "Mean AUC of the classes"} <= set(rows)


def test_warnings_are_the_notes_and_what_is_still_in_the_data() -> None:
    checks = [
        data_check(title="Burned-in text", findings=[f"{index}.png: text" for index in range(1234)]),
        data_check(title="Unreadable files", policy="drop", dropped=3),
        data_check(title="Splits that differ", findings=["width: train and test differ"]),
    ]

    warnings = data_tables.data_warnings(make_data(notes=["no patients are named"], checks=checks))

    assert [(warning.text, list(warning.findings.shown), warning.findings.more) for warning in warnings] == [
        ("No patients are named", [], 0),
        ("Burned-in text: 1\u202f234 found", ["0.png: text", "1.png: text", "2.png: text"], 1231),
        ("Splits that differ: 1 found", ["width: train and test differ"], 0),
    ]


def test_differences_by_feature_and_samples() -> None:
    table = data_tables.difference_table(
        [
            difference(feature="width", second="eval", value=0.05, limit=0.2),
            difference(feature="class", second="eval", value=0.3, limit=0.2),
            difference(feature="width", first="the last accepted data", second="train", value=0.22, limit=0.2),
        ]
    )

    assert table.comparisons == ["Train and eval", "The last accepted data and train"]
    assert table.rows == {
        "Width": [
            data_tables.DifferenceCell("0.050", "0.200", 25, exceeds=False),
            data_tables.DifferenceCell("0.220", "0.200", 110, exceeds=True),
        ],
        "Class": [data_tables.DifferenceCell("0.300", "0.200", data_tables.FULL_BAR, exceeds=True), None],
    }


def test_a_pair_is_described() -> None:
    first = shown_image(label="benign", split="train")
    conflict = pair(first, shown_image(label="malignant", split="test"), different_patients=True, change="mirrored")
    neighbour = pair(first, shown_image(split="", left_out="a copy"), similarity=0.7, same_picture=False)

    assert [(figure.remarks, figure.facts) for figure in map(data_tables.pair_figure, (conflict, neighbour))] == [
        (
            ["Different labels", "Different patients", "Different splits"],
            "Similarity 0.96, second image mirrored, certainly one picture",
        ),
        ([], "Similarity 0.70, one picture or neighbouring frames"),
    ]


def test_reasons_are_counted_and_cut() -> None:
    dropped = [DroppedImage(source="a.png", reason=f"reason {index // 2}") for index in range(50)]

    found = data_tables.count_reasons(make_data(dropped=dropped))

    assert found.reasons.shown[0] == ("reason 0", 2)
    assert (len(found.reasons.shown), found.reasons.more, found.more_images) == (20, 5, 10)


def test_samples_by_class_keep_their_order() -> None:
    samples = [sample("b.png", "benign"), sample("a.png", "benign"), sample("c.png", "malignant")]

    assert data_tables.samples_by_class(samples) == {"benign": samples[:2], "malignant": samples[2:]}


def test_a_share_of_nothing_is_not_available() -> None:
    rows = decisions.share_rows([[5, 1, 0], [0, 9, 0], [0, 0, 0]])

    assert [cell.text for cell in rows[2]] == ["n/a"] * 3
    assert (rows[0][0].text, rows[0][0].tint) == ("83.3\u202f%", 4)


def test_averages_are_those_of_the_evaluation() -> None:
    evaluation = three_class_evaluation()

    assert decisions.average_rows(evaluation) == {
        "Macro average": evaluation.averages["macro"],
        "Weighted average": evaluation.averages["weighted"],
    }


def test_places_on_an_axis() -> None:
    axis = forest.Axis(-0.1, 0.1)

    assert [axis.place(value) for value in (-0.1, 0.0, 0.1, 0.5, None)] == [8.0, 80.0, 152.0, 152.0, None]
    assert axis.ticks == [(8.0, "\u22120.1"), (80.0, "0"), (152.0, "0.1")]


def test_slices_hold_the_figures_of_the_evaluation_beside_those_of_all_images() -> None:
    evaluation = three_class_evaluation()
    (group,) = forest.slice_groups(evaluation)
    north = evaluation.slices[0]
    whole = forest.all_images(evaluation)

    assert (group.attribute, [row.name for row in group.rows]) == ("site", ["north", "south"])
    assert (whole.images, whole.groups, whole.positives) == (90, 45, 30)
    (row, _) = group.rows
    assert (row.images, row.groups, row.positives) == (60, 30, 20)
    assert row.auc.value == text.format_number(north.auc.value)
    assert row.auc.interval == text.format_interval(north.auc)
    assert (row.auc.mark, row.auc.low, row.auc.high) == tuple(
        forest.SHARES.place(end) for end in (north.auc.value, north.auc.low, north.auc.high)
    )
    assert row.recall.reference == whole.recall.mark
    assert row.specificity.mark == forest.SHARES.place(north.specificity.figure.value)


def test_a_slice_without_positive_images_says_so_and_draws_nothing() -> None:
    images = scored_images()
    evaluation = evaluation_of(scored_images(attributes={"site": np.where(images.is_positive, "a", "b")}))

    first, second = forest.slice_groups(evaluation)[0].rows

    assert first.remark == "malignant images alone, so no AUC and no specificity"
    assert second.remark == "no malignant images, so no AUC and no recall"
    assert (second.auc.mark, second.auc.low, second.auc.value) == (None, None, "n/a")
    assert second.specificity.mark is not None


def test_differences_are_drawn_around_zero_on_one_axis() -> None:
    comparison = compared_evaluation().comparison
    assert comparison is not None
    table = forest.comparison_table(comparison, 2000)

    assert table.axis.low == -table.axis.high
    values = [comparison.auc, comparison.auc_delong, comparison.recall, comparison.specificity]
    assert [row.whisker.value for row in table.rows] == [text.format_signed(each.value) for each in values]
    assert [row.whisker.mark for row in table.rows] == [table.axis.place(each.value) for each in values]
    assert {row.whisker.reference for row in table.rows} == {forest.WIDTH / 2}
    ends = [end for each in values for end in (each.low, each.high) if end is not None]
    assert max(map(abs, ends)) <= table.axis.high < max(map(abs, ends)) + 0.05


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0004, "below 0.001"), (0.0312, "0.031"), (1.0, "1.000"), (None, "n/a")]
)
def test_p_values(value: float | None, expected: str) -> None:
    assert forest.format_p_value(value) == expected


def test_the_explorer_holds_the_counts_and_starts_at_the_frozen_threshold() -> None:
    curve = [
        point(0.0, 10, 30, 0, 0),
        point(0.4999, 9, 10, 20, 1),
        point(0.75, 8, 3, 27, 2),
        point(1.0, 0, 0, 30, 10),
    ]
    found = explorer(curve, example_evaluation())

    assert found is not None
    assert (found.start, found.last) == (1, 3)
    assert found.data == {
        "start": 1,
        "mark": "Chosen below",
        "prevalence": 0.5,
        "positives": 10,
        "negatives": 30,
        "thresholds": [0.0, 0.4999, 0.75, 1.0],
        "truePositives": [10, 9, 8, 0],
        "falsePositives": [30, 10, 3, 0],
    }
    assert (found.recall, found.specificity) == (0.9, 20 / 30)
    # At a prevalence of one half, which is not that of these counts.
    assert found.positive_predictive_value == pytest.approx(0.9 / (0.9 + 10 / 30))
    assert found.negative_predictive_value == pytest.approx((20 / 30) / (20 / 30 + 0.1))


def test_the_explorer_says_what_the_evaluation_says_at_the_frozen_threshold() -> None:
    evaluation = example_evaluation()
    (cleared, alarms), (missed, hits) = evaluation.operating_point.confusion
    found = explorer([point(0.5, hits, alarms, cleared, missed)], evaluation)
    frozen = evaluation.operating_point

    assert found is not None
    assert found.recall == pytest.approx(frozen.recall.figure.value)
    assert found.specificity == pytest.approx(frozen.specificity.figure.value)
    assert found.positive_predictive_value == pytest.approx(frozen.positive_predictive_value.value)
    assert found.negative_predictive_value == pytest.approx(frozen.negative_predictive_value.value)


def test_without_thresholds_there_is_no_explorer() -> None:
    assert explorer([], example_evaluation()) is None


def test_predictive_values_of_nothing_are_not_defined() -> None:
    found = explorer([point(0.5, 0, 0, 30, 10)], example_evaluation())

    assert found is not None
    assert (found.recall, found.specificity, found.positive_predictive_value) == (0.0, 1.0, None)
