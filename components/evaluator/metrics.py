"""TFMA metrics at the exported operating point, which is not known before the model is trained.

They compare the class that the served model names with the true one, so they gate the very answer a client gets.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from schema import contract

RECALL: Final = "recall"
MACRO_RECALL: Final = "macro_recall"
CONFUSION: Final = "confusion"


def confusion_key(true: int, predicted: int) -> str:
    """Name of the metric that counts images of one class taken for another, both by position."""
    return f"{CONFUSION}_{true}_{predicted}"


class OperatingPointConfusion(metric_types.Metric):
    """Counts of images by true and predicted class, as metrics named by `confusion_key`."""

    def __init__(self, labels: Sequence[str], name: str = CONFUSION) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_confusion_computations), name=name, labels=list(labels)
        )


class OperatingPointRecall(metric_types.Metric):
    """Share of the images of the positive class that the model names so; NaN where there are none."""

    def __init__(self, labels: Sequence[str], positive: int, name: str = RECALL) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_recall_computations),
            name=name,
            labels=list(labels),
            positive=positive,
        )


class OperatingPointMacroRecall(metric_types.Metric):
    """Mean over the classes of the share of their images that the model names so; NaN where one has no images."""

    def __init__(self, labels: Sequence[str], name: str = MACRO_RECALL) -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_macro_recall_computations), name=name, labels=list(labels)
        )


metric_types.register_metric(OperatingPointConfusion)
metric_types.register_metric(OperatingPointRecall)
metric_types.register_metric(OperatingPointMacroRecall)


def _confusion_computations(
    labels: list[str],
    name: str = CONFUSION,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
) -> list[metric_types.MetricComputation]:
    del name, eval_config
    keys = [
        metric_types.MetricKey(confusion_key(true, predicted), model_name=model_name, output_name=output_name)
        for true in range(len(labels))
        for predicted in range(len(labels))
    ]
    return [
        metric_types.MetricComputation(
            keys=keys, preprocessors=None, combiner=_ConfusionCombiner(keys, labels, model_name)
        )
    ]


def _recall_computations(
    labels: list[str],
    positive: int,
    name: str = RECALL,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
) -> list[metric_types.MetricComputation | metric_types.DerivedMetricComputation]:
    def recall(confusion: NDArray[np.float64]) -> float:
        return float(_recalls(confusion)[positive])

    return _derived(labels, name, recall, eval_config, model_name, output_name)


def _macro_recall_computations(
    labels: list[str],
    name: str = MACRO_RECALL,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
) -> list[metric_types.MetricComputation | metric_types.DerivedMetricComputation]:
    def mean_recall(confusion: NDArray[np.float64]) -> float:
        return float(_recalls(confusion).mean())

    return _derived(labels, name, mean_recall, eval_config, model_name, output_name)


def _recalls(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each class, (classes,); NaN for one without images."""
    images = confusion.sum(axis=1)
    return np.divide(np.diag(confusion), images, out=np.full(len(images), np.nan), where=images > 0)


def _derived(
    labels: list[str],
    name: str,
    figure: Callable[[NDArray[np.float64]], float],
    eval_config: config_pb2.EvalConfig | None,
    model_name: str,
    output_name: str,
) -> list[metric_types.MetricComputation | metric_types.DerivedMetricComputation]:
    """A figure of the confusion matrix, (classes, classes), after the matrix itself."""
    computations = _confusion_computations(
        labels, eval_config=eval_config, model_name=model_name, output_name=output_name
    )
    key = metric_types.MetricKey(name, model_name=model_name, output_name=output_name)
    cells = computations[0].keys

    def result(metrics: Mapping[metric_types.MetricKey, float]) -> dict[metric_types.MetricKey, float]:
        confusion = np.reshape([metrics[cell] for cell in cells], (len(labels), len(labels)))
        return {key: figure(confusion)}

    return [*computations, metric_types.DerivedMetricComputation(keys=[key], result=result)]


class _ConfusionCombiner(beam.CombineFn):
    def __init__(self, keys: list[metric_types.MetricKey], labels: list[str], model_name: str) -> None:
        self._keys = keys
        self._index = {label.encode(): position for position, label in enumerate(labels)}
        self._model_name = model_name

    def create_accumulator(self) -> NDArray[np.float64]:
        return np.zeros((len(self._index), len(self._index)))

    def add_input(
        self, accumulator: NDArray[np.float64], element: metric_types.StandardMetricInputs
    ) -> NDArray[np.float64]:
        true = int(np.ravel(element.get_labels(self._model_name))[0])
        answer: Any = element.get_predictions(self._model_name)
        predicted = np.ravel(answer[contract.PREDICTED_LABEL])[0]
        accumulator[true, self._index[bytes(predicted)]] += 1.0
        return accumulator

    def merge_accumulators(self, accumulators: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: NDArray[np.float64]) -> dict[metric_types.MetricKey, float]:
        return dict(zip(self._keys, accumulator.ravel().tolist(), strict=True))
