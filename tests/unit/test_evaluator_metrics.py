"""TFMA metrics at the operating point, by value."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.metrics import metric_types

from components.evaluator.metrics import (
    OperatingPointConfusion,
    OperatingPointMacroRecall,
    OperatingPointRecall,
    confusion_key,
)
from schema import contract

TWO = ("benign", "malignant")
THREE = ("normal", "benign", "malignant")
Outcome = tuple[int, int]  # true and predicted class, by position


def _element(labels: Sequence[str], outcome: Outcome, **models: Outcome) -> metric_types.StandardMetricInputs:
    """What TFMA hands over for one image; with `models`, one prediction by each."""
    true, predicted = outcome

    def answer(position: int) -> dict[str, Any]:
        return {
            contract.PREDICTED_LABEL: np.array([labels[position].encode()], object),
            contract.PROBABILITIES: np.full((1, len(labels)), 1 / len(labels)),
        }

    predictions = {name: answer(position) for name, (_, position) in models.items()} or answer(predicted)
    return metric_types.StandardMetricInputs(labels=np.array([true]), predictions=predictions)


def _compute(
    metric: metric_types.Metric,
    parts: Sequence[Sequence[metric_types.StandardMetricInputs]],
    model_name: str = "",
) -> dict[str, float]:
    """The metric's values by name, from parts that are counted apart and merged, as Beam's workers do."""
    found: dict[metric_types.MetricKey, float] = {}
    for computation in metric.computations(model_names=[model_name]):
        if isinstance(computation, metric_types.DerivedMetricComputation):
            found |= computation.result(found)
            continue
        accumulators = []
        for part in parts:
            accumulator = computation.combiner.create_accumulator()
            for element in part:
                accumulator = computation.combiner.add_input(accumulator, element)
            accumulators.append(accumulator)
        found |= computation.combiner.extract_output(computation.combiner.merge_accumulators(accumulators))
        assert set(computation.keys) == set(found)
    assert {key.model_name for key in found} == {model_name}
    return {key.name: value for key, value in found.items()}


def test_counts_with_two_classes() -> None:
    outcomes = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 0), (1, 1), (1, 1)]

    assert _compute(OperatingPointConfusion(TWO), [[_element(TWO, outcome) for outcome in outcomes]]) == {
        "confusion_0_0": 2.0,
        "confusion_0_1": 1.0,
        "confusion_1_0": 1.0,
        "confusion_1_1": 3.0,
    }


def test_counts_with_three_classes() -> None:
    outcomes = [(0, 2), (0, 2), (1, 1), (2, 0)]

    counts = _compute(OperatingPointConfusion(THREE), [[_element(THREE, outcome) for outcome in outcomes]])

    assert len(counts) == 9
    assert {name: count for name, count in counts.items() if count} == {
        "confusion_0_2": 2.0,
        "confusion_1_1": 1.0,
        "confusion_2_0": 1.0,
    }


@pytest.mark.parametrize(
    ("labels", "positive", "outcomes", "recall"),
    [
        (TWO, 1, [(1, 1), (1, 0), (1, 1), (0, 1)], 2 / 3),
        (TWO, 0, [(1, 1), (1, 0), (1, 1), (0, 1)], 0.0),
        (THREE, 2, [(2, 2), (2, 1), (2, 0), (2, 2), (0, 2)], 0.5),
        (THREE, 1, [(1, 1)], 1.0),
    ],
)
def test_recall_by_value(labels: tuple[str, ...], positive: int, outcomes: list[Outcome], recall: float) -> None:
    found = _compute(OperatingPointRecall(labels, positive), [[_element(labels, outcome) for outcome in outcomes]])

    assert found["recall"] == pytest.approx(recall)


@pytest.mark.parametrize("outcomes", [[], [(0, 0), (0, 1)]])
def test_recall_without_positives_is_no_number(outcomes: list[Outcome]) -> None:
    assert math.isnan(_compute(OperatingPointRecall(TWO, 1), [[_element(TWO, o) for o in outcomes]])["recall"])


@given(
    labels=st.sampled_from([TWO, THREE, ("ä", "b c", "d", "e")]),
    parts=st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12), min_size=1, max_size=4),
    data=st.data(),
)
def test_counts_do_not_depend_on_how_the_images_were_dealt_out(
    labels: tuple[str, ...], parts: list[list[Outcome]], data: st.DataObject
) -> None:
    positive = data.draw(st.integers(0, len(labels) - 1))
    usable = [[outcome for outcome in part if max(outcome) < len(labels)] for part in parts]
    counts = Counter(outcome for part in usable for outcome in part)

    found = _compute(OperatingPointRecall(labels, positive), [[_element(labels, o) for o in part] for part in usable])

    recall = found.pop("recall")
    assert {name: count for name, count in found.items() if count} == {
        confusion_key(*outcome): count for outcome, count in counts.items()
    }
    positives = sum(count for (true, _), count in counts.items() if true == positive)
    if positives:
        assert recall == pytest.approx(counts[positive, positive] / positives)
    else:
        assert math.isnan(recall)


@pytest.mark.parametrize(
    ("outcomes", "mean"),
    [
        ([(0, 0), (1, 1), (2, 2)], 1.0),
        ([(0, 0), (0, 1), (1, 1), (2, 0), (2, 1), (2, 2), (2, 2)], 2 / 3),
        ([(0, 0), (1, 1)], math.nan),
    ],
)
def test_mean_recall_by_value(outcomes: list[Outcome], mean: float) -> None:
    found = _compute(OperatingPointMacroRecall(THREE), [[_element(THREE, outcome) for outcome in outcomes]])

    assert found["macro_recall"] == pytest.approx(mean, nan_ok=True)


def test_candidate_and_baseline_are_counted_apart() -> None:
    elements = [
        _element(TWO, (1, 0), candidate=(1, 1), baseline=(1, 0)),
        _element(TWO, (1, 0), candidate=(1, 1), baseline=(1, 1)),
    ]

    metric = OperatingPointRecall(TWO, 1)

    assert _compute(metric, [elements], "candidate")["recall"] == 1.0
    assert _compute(metric, [elements], "baseline")["recall"] == 0.5


def test_an_answer_that_is_no_class_is_an_error() -> None:
    element = metric_types.StandardMetricInputs(
        labels=np.array([0]), predictions={contract.PREDICTED_LABEL: np.array([b"unheard of"], object)}
    )

    with pytest.raises(KeyError):
        _compute(OperatingPointConfusion(TWO), [[element]])


def test_tfma_finds_the_metrics_by_their_names() -> None:
    registered = metric_types.registered_metrics()

    assert registered["OperatingPointConfusion"] is OperatingPointConfusion
    assert registered["OperatingPointRecall"] is OperatingPointRecall
    assert registered["OperatingPointMacroRecall"] is OperatingPointMacroRecall
