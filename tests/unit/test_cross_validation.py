"""Cross-validation: folds that leak nothing, figures as scikit-learn has them, intervals by group."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score, roc_auc_score

from components.cross_validation.content import CrossValidationSummary, Figure, FoldSummary
from components.cross_validation.folds import turns
from components.cross_validation.measures import Pooled
from components.cross_validation.report import read_summary, write_report
from components.measures.group_bootstrap import Interval, group_intervals
from components.settings import SplitSettings
from pipeline.cli.crossval import figures_table
from schema.errors import DataRejectedError

SHARES = SplitSettings()


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 2)), max_size=60), st.integers(2, 5))
def test_each_image_is_tested_once_and_no_group_is_on_two_sides(extra: list[tuple[int, int]], folds: int) -> None:
    rows = [(group, group % 3) for group in range(30)] + extra
    groups, labels = [str(group) for group, _ in rows], [str(label) for _, label in rows]

    found = list(turns(groups, labels, folds, SHARES, seed=3))

    tested = np.concatenate([turn.test for turn in found])
    assert sorted(tested) == list(range(len(rows)))
    for turn in found:
        parts = [turn.train, turn.evaluation, turn.test]
        assert sorted(np.concatenate(parts)) == list(range(len(rows)))
        sides = [{groups[row] for row in part} for part in parts]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_too_few_groups_for_the_folds_are_refused() -> None:
    groups = [*map(str, range(12)), "a", "a", "b", "b", "c"]
    labels = ["benign"] * 12 + ["malignant"] * 5

    with pytest.raises(DataRejectedError) as caught:
        next(turns(groups, labels, 3, SHARES, seed=0))
    assert caught.value.reasons == ("class 'malignant': 3 groups",)


def test_folds_are_balanced_by_class_and_follow_from_the_seed() -> None:
    groups = [str(number // 2) for number in range(200)]
    labels = ["malignant" if number // 2 % 4 == 0 else "benign" for number in range(200)]

    first, again, other = (list(turns(groups, labels, 5, SHARES, seed)) for seed in (1, 1, 2))

    for turn in first:
        assert Counter(labels[row] for row in turn.test) == {"malignant": 10, "benign": 30}
        counts = Counter(labels[row] for row in turn.evaluation)
        assert len(turn.evaluation) == pytest.approx(160 * 0.15 / 0.85, abs=4)
        assert counts["malignant"] / len(turn.evaluation) == pytest.approx(0.25, abs=0.1)
    assert [turn.test.tolist() for turn in first] == [turn.test.tolist() for turn in again]
    assert [turn.test.tolist() for turn in first] != [turn.test.tolist() for turn in other]


def pooled(classes: int, seed: int = 0) -> Pooled:
    generator = np.random.default_rng(seed)
    truth = np.arange(60) % classes
    logits = generator.normal(0, 1, (60, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = ["benign", "malignant", "normal"][:classes]
    return Pooled(labels, 1, truth, probabilities, probabilities.argmax(axis=1))


@pytest.mark.parametrize("classes", [2, 3])
def test_figures_are_those_of_scikit_learn_whole_and_weighted(classes: int) -> None:
    data = pooled(classes)
    for weights in (np.ones(60), np.random.default_rng(1).integers(0, 4, 60).astype(float)):
        figures = data.measure(weights)

        positive, called = data.truth == 1, data.decided == 1
        assert figures["recall"] == pytest.approx(recall_score(positive, called, sample_weight=weights))
        assert figures["specificity"] == pytest.approx(recall_score(~positive, ~called, sample_weight=weights))
        assert figures["accuracy"] == pytest.approx(accuracy_score(data.truth, data.decided, sample_weight=weights))
        assert figures["balanced accuracy"] == pytest.approx(
            balanced_accuracy_score(data.truth, data.decided, sample_weight=weights)
        )
        auc = roc_auc_score(positive, data.probabilities[:, 1], sample_weight=weights)
        if classes == 2:
            assert figures["auc"] == pytest.approx(auc)
            assert "macro auc" not in figures
        else:
            assert figures["auc malignant"] == pytest.approx(auc)
            macro = roc_auc_score(data.truth, data.probabilities, multi_class="ovr", sample_weight=weights)
            assert figures["macro auc"] == pytest.approx(macro)


def test_what_the_weights_leave_undefined_is_no_number() -> None:
    data = pooled(3)
    figures = data.measure((data.truth != 1).astype(float))

    assert {name for name, value in figures.items() if np.isnan(value)} == {
        "auc malignant",
        "macro auc",
        "recall",
        "balanced accuracy",
    }


def test_intervals_draw_groups_and_not_images() -> None:
    """Ten images of each group say the same, so that there are ten times fewer facts than images."""
    generator = np.random.default_rng(0)
    values = np.repeat(generator.normal(0, 1, 100), 10)
    groups = [str(number // 10) for number in range(1000)]
    alone = [str(number) for number in range(1000)]

    def mean(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"mean": weights @ values / weights.sum(axis=1)}

    by_group = group_intervals(groups, mean, 2000, seed=0)["mean"]
    by_image = group_intervals(alone, mean, 2000, seed=0)["mean"]

    assert by_group.value == by_image.value == pytest.approx(values.mean())
    half = 1.96 * values[::10].std() / np.sqrt(100)
    assert by_group.high - by_group.low == pytest.approx(2 * half, rel=0.08)
    assert (by_group.high - by_group.low) / (by_image.high - by_image.low) == pytest.approx(np.sqrt(10), rel=0.1)


def test_a_figure_that_most_draws_lack_has_no_interval() -> None:
    found = group_intervals(
        ["a", "b"], lambda weights: {"x": np.where(weights.min(axis=1) == 1, 1.0, np.nan)}, 200, seed=0
    )

    assert found["x"].value == 1.0
    assert np.isnan([found["x"].low, found["x"].high]).all() or found["x"] == Interval(1.0, 1.0, 1.0)


def test_a_report_comes_back_and_is_shown(tmp_path: object) -> None:
    summary = CrossValidationSummary(
        labels=["benign", "malignant"],
        positive_label="malignant",
        images=4,
        groups=3,
        replicates=2000,
        pooled={"auc": Figure(value=0.875, low=0.5, high=1.0), "recall": Figure(value=None, low=None, high=None)},
        folds=[
            FoldSummary(
                train_images=2,
                eval_images=1,
                test_images=1,
                test_groups=1,
                temperature=1.0,
                threshold=0.5,
                best_epochs=[3],
                figures={"auc": None, "recall": 0.25},
            )
        ],
    )
    write_report(summary, ("source", "fold"), [("a, b.png", 1)], str(tmp_path))

    assert read_summary(str(tmp_path)) == summary
    table = figures_table("small", summary)
    cells = [list(column.cells) for column in table.columns]
    assert cells == [["auc", "recall"], ["0.875", "-"], ["0.500 to 1.000", "-"], ["-", "0.250"]]
