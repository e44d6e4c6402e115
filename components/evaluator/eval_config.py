"""TFMA's configuration: which metrics are computed on `test`, and which thresholds gate the model."""

import json
from collections.abc import Sequence
from typing import Final

from tensorflow_model_analysis.proto import config_pb2

from components.evaluator import metrics
from components.settings import GateSettings
from schema import contract

AUC: Final = "auc"
AUC_PRECISION_RECALL: Final = "auc_precision_recall"


MACRO_AUC: Final = "macro_auc"

_OVERALL: Final = config_pb2.SlicingSpec()


def make_eval_config(labels: Sequence[str], positive_label: str, gate: GateSettings) -> config_pb2.EvalConfig:
    """AUC of the positive class against the rest, and its recall at the exported operating point.

    Both have a value threshold, and a change threshold against the baseline, which is TFMA's name for the latest
    blessed model. Of more than two classes there are the means over the classes, too.
    """
    positive = list(labels).index(positive_label)
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name=contract.SERVING_DEFAULT,
                label_key=contract.LABEL_INDEX,
                prediction_key=contract.PROBABILITIES,
            )
        ],
        slicing_specs=[_OVERALL, *_slices(gate)],
        metrics_specs=[
            _ranking_metrics(positive, gate),
            *([_macro_ranking_metrics(len(labels), gate)] if len(labels) > 2 else []),
            _operating_point_metrics(list(labels), positive, gate),
        ],
    )


def _slices(gate: GateSettings) -> list[config_pb2.SlicingSpec]:
    return [config_pb2.SlicingSpec(feature_keys=[contract.SLICES[name]]) for name in gate.slices]


def _ranking_metrics(positive: int, gate: GateSettings) -> config_pb2.MetricsSpec:
    options = config_pb2.BinarizationOptions()
    options.class_ids.values.append(positive)
    overall = _threshold(gate.minimum_auc, gate.maximum_auc_drop)
    return config_pb2.MetricsSpec(
        binarize=options,
        metrics=[
            config_pb2.MetricConfig(
                class_name="AUC",
                config=json.dumps({"name": AUC}),
                per_slice_thresholds=_thresholds(overall, gate, gate.minimum_slice_auc),
            ),
            config_pb2.MetricConfig(
                class_name="AUCPrecisionRecall", config=json.dumps({"name": AUC_PRECISION_RECALL})
            ),
            config_pb2.MetricConfig(class_name="ConfusionMatrixPlot"),
            config_pb2.MetricConfig(class_name="CalibrationPlot"),
        ],
    )


def _macro_ranking_metrics(classes: int, gate: GateSettings) -> config_pb2.MetricsSpec:
    """The mean of the AUCs of each class against the rest.

    The classes are named by their weights alone: binarized as well, each would be held to the threshold of the mean.
    """
    return config_pb2.MetricsSpec(
        aggregate=config_pb2.AggregationOptions(macro_average=True, class_weights=dict.fromkeys(range(classes), 1.0)),
        metrics=[
            config_pb2.MetricConfig(
                class_name="AUC",
                config=json.dumps({"name": MACRO_AUC}),
                per_slice_thresholds=_minimum(gate.minimum_macro_auc),
            )
        ],
    )


def _operating_point_metrics(labels: list[str], positive: int, gate: GateSettings) -> config_pb2.MetricsSpec:
    overall = _threshold(gate.minimum_recall, gate.maximum_recall_drop)
    return config_pb2.MetricsSpec(
        metrics=[
            config_pb2.MetricConfig(class_name="ExampleCount"),
            config_pb2.MetricConfig(
                module=metrics.__name__,
                class_name=metrics.OperatingPointConfusion.__name__,
                config=json.dumps({"labels": labels}),
            ),
            config_pb2.MetricConfig(
                module=metrics.__name__,
                class_name=metrics.OperatingPointRecall.__name__,
                config=json.dumps({"labels": labels, "positive": positive}),
                per_slice_thresholds=_thresholds(overall, gate, gate.minimum_slice_recall),
            ),
            config_pb2.MetricConfig(
                module=metrics.__name__,
                class_name=metrics.OperatingPointMacroRecall.__name__,
                config=json.dumps({"labels": labels}),
                per_slice_thresholds=_minimum(gate.minimum_macro_recall) if len(labels) > 2 else [],
            ),
        ]
    )


def _thresholds(
    overall: config_pb2.MetricThreshold, gate: GateSettings, minimum_of_slices: float
) -> list[config_pb2.PerSliceMetricThreshold]:
    """TFMA would hold every slice to a threshold that names none."""
    found = [config_pb2.PerSliceMetricThreshold(slicing_specs=[_OVERALL], threshold=overall)]
    if minimum_of_slices > 0 and gate.slices:
        threshold = config_pb2.MetricThreshold(value_threshold=_at_least(minimum_of_slices))
        found.append(config_pb2.PerSliceMetricThreshold(slicing_specs=_slices(gate), threshold=threshold))
    return found


def _minimum(minimum: float) -> list[config_pb2.PerSliceMetricThreshold]:
    if not minimum:
        return []
    threshold = config_pb2.MetricThreshold(value_threshold=_at_least(minimum))
    return [config_pb2.PerSliceMetricThreshold(slicing_specs=[_OVERALL], threshold=threshold)]


def _threshold(minimum: float, maximum_drop: float) -> config_pb2.MetricThreshold:
    return config_pb2.MetricThreshold(
        value_threshold=_at_least(minimum),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -maximum_drop}
        ),
    )


def _at_least(minimum: float) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(lower_bound={"value": minimum})
