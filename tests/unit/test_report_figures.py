"""The figures of the report hold the evaluation's numbers, and no text from outside."""

import math
from typing import Any

import numpy as np
import pytest

from components.report.figures import learning, probabilities, ranking
from components.report.page import charts
from tests.clinical import example_evaluation
from tests.report import evaluation_of_one_class, make_training, renamed, three_class_evaluation


def _traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


@pytest.mark.parametrize(("draw", "curve"), [(ranking.roc, "roc"), (ranking.precision_recall, "precision_recall")])
def test_the_band_is_the_polygon_between_its_ends(draw: Any, curve: str) -> None:
    clinical = example_evaluation()
    banded = getattr(clinical, curve)
    traces = _traces(draw(clinical))

    band = traces["95 % band"]
    assert list(band.x) == [*banded.x, *reversed(banded.x)]
    assert list(band.y) == [*banded.high, *reversed(banded.low)]
    assert (band.fill, band.line.width) == ("toself", 0)
    assert list(traces["Model"].x) == banded.x
    assert list(traces["Model"].y) == banded.y


def test_where_a_band_has_no_ends_it_is_left_out() -> None:
    clinical = example_evaluation()
    low = [None, *clinical.roc.low[1:]]
    gap = clinical.model_copy(update={"roc": clinical.roc.model_copy(update={"low": low})})

    band = _traces(ranking.roc(gap))["95 % band"]

    assert band.x[0] == clinical.roc.x[1]
    assert len(band.x) == 2 * (len(low) - 1)


def test_the_operating_point_is_marked_with_its_intervals() -> None:
    point = example_evaluation().operating_point
    recall, specificity = point.recall.figure, point.specificity.figure
    assert recall.value is not None and recall.low is not None and recall.high is not None
    assert specificity.value is not None and specificity.low is not None and specificity.high is not None

    marked = _traces(ranking.roc(example_evaluation()))["Operating point"]

    assert (marked.x, marked.y) == ((1 - specificity.value,), (recall.value,))
    assert marked.error_y.array == (recall.high - recall.value,)
    assert marked.error_y.arrayminus == (recall.value - recall.low,)
    # A high specificity is a low rate of false positives.
    assert marked.error_x.array == pytest.approx((specificity.value - specificity.low,))
    assert marked.error_x.arrayminus == pytest.approx((specificity.high - specificity.value,))


def test_the_ring_that_the_explorer_moves_starts_at_the_operating_point() -> None:
    for draw in (ranking.roc, ranking.precision_recall):
        traces = _traces(draw(example_evaluation()))

        assert (traces[ranking.EXPLORED].x, traces[ranking.EXPLORED].y) == (
            traces["Operating point"].x,
            traces["Operating point"].y,
        )


def test_precision_is_that_of_the_tested_images_whatever_prevalence_is_stated() -> None:
    clinical = example_evaluation()
    (_, alarms), (_, hits) = clinical.operating_point.confusion
    traces = _traces(ranking.precision_recall(clinical))

    assert traces["Operating point"].y == (hits / (hits + alarms),)
    assert traces["Share of positives"].y == (0.5, 0.5)


def test_reliability_shows_each_bin_with_its_interval_and_its_count() -> None:
    bins = example_evaluation().calibration.bins
    figure = probabilities.reliability(example_evaluation())
    traces = _traces(figure)
    observed = traces["Model, with 95 % intervals"]

    assert list(observed.x) == [each.mean_probability for each in bins]
    assert list(observed.y) == [each.observed.figure.value for each in bins]
    upper = [y + error for y, error in zip(observed.y, observed.error_y.array, strict=True)]
    lower = [y - error for y, error in zip(observed.y, observed.error_y.arrayminus, strict=True)]
    assert upper == pytest.approx([each.observed.figure.high for each in bins])
    assert lower == pytest.approx([each.observed.figure.low for each in bins])
    assert list(traces["Images"].y) == [each.images for each in bins]
    assert list(traces["Images"].text) == [str(each.images) for each in bins]
    assert traces["Images"].yaxis == "y2"
    # The two panels do not overlap.
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]


def test_scores_are_shares_of_each_class_with_the_threshold() -> None:
    clinical = three_class_evaluation()
    figure = probabilities.scores(clinical)

    assert len(figure.data) == 3
    for trace, counts in zip(figure.data, clinical.scores.counts.values(), strict=True):
        assert list(trace.customdata[:-1]) == counts
        np.testing.assert_allclose(trace.y[:-1], np.array(counts) / sum(counts))
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (0.4, 0.4)
    assert len({trace.line.dash for trace in figure.data}) == 3


def test_the_legend_of_the_classes_stands_on_the_page_in_the_colours_of_the_figure() -> None:
    clinical = three_class_evaluation()
    (_, chart) = charts.probability_charts(clinical)

    assert [entry.text for entry in chart.legend] == [f"{label} (30 images)" for label in clinical.labels]
    assert [entry.colour for entry in chart.legend] == [
        trace.line.color for trace in probabilities.scores(clinical).data
    ]


def test_learning_curves_mark_the_best_epoch() -> None:
    traces = _traces(learning.loss(make_training()))

    assert traces["Train split"].y == (0.9, 0.5, 0.3)
    assert traces["Eval split"].x == (1, 2, 3)
    assert (traces["Best epoch (2)"].x, traces["Best epoch (2)"].y) == ((2,), (0.6,))


def test_a_diverged_epoch_is_a_gap() -> None:
    training = make_training(history={"loss": [0.9, math.nan, math.inf]}, best_epoch=2)

    (trace,) = learning.loss(training).data

    assert trace.y == (0.9, None, None)
    assert charts.learning_charts(training)[0].caption == (
        "Best epoch (2 of 3): train n/a. Last epoch (3 of 3): train n/a."
    )


def test_without_auc_in_the_history_there_is_no_auc_chart() -> None:
    training = make_training(history={"loss": [0.5], "val_loss": [0.6]}, best_epoch=1)

    assert [chart.identifier for chart in charts.learning_charts(training)] == ["history-loss"]


def test_axes_have_titles_with_units() -> None:
    clinical, training = example_evaluation(), make_training()
    figures = [
        learning.loss(training),
        learning.auc(training),
        ranking.roc(clinical),
        ranking.precision_recall(clinical),
        probabilities.reliability(clinical),
        probabilities.scores(clinical),
    ]

    assert [(each.layout.xaxis.title.text, each.layout.yaxis.title.text) for each in figures] == [
        ("Epoch (number)", "Loss (no unit)"),
        ("Epoch (number)", "AUC (0 to 1)"),
        ("False positive rate (1 \u2212 specificity)", "True positive rate (sensitivity)"),
        ("Recall (sensitivity)", "Precision (share of positive calls)"),
        ("Probability of the positive class", "Share that is positive"),
        ("Probability of the positive class", "Share of the class"),
    ]


def test_captions_carry_figures_with_their_intervals() -> None:
    clinical = example_evaluation()
    roc, _ = charts.ranking_charts(clinical)
    reliability, _ = charts.probability_charts(clinical)
    auc, brier = clinical.discrimination.auc, clinical.calibration.brier

    assert roc.caption.startswith(f"AUC {auc.value:.3f} (95 % interval {auc.low:.3f} to {auc.high:.3f}).")
    assert "sensitivity 0.833 (95 % interval 0.664 to 0.927), 50 of 60 images" in roc.caption
    assert reliability.caption.startswith(
        f"Brier score {brier.value:.3f} (95 % interval {brier.low:.3f} to {brier.high:.3f})."
    )


def test_without_positive_images_there_is_no_curve() -> None:
    clinical = evaluation_of_one_class()

    assert ranking.roc(clinical).data == ()
    assert ranking.precision_recall(clinical).data == ()
    (trace,) = probabilities.scores(clinical).data
    assert sum(trace.customdata[:-1]) == 20


def test_figures_hold_no_text_from_outside() -> None:
    clinical = renamed(renamed(three_class_evaluation(), "malignant", "<b>odd</b>"), "north", "<b>odd</b>")

    for draw in (ranking.roc, ranking.precision_recall, probabilities.reliability, probabilities.scores):
        assert "odd" not in draw(clinical).to_json()
