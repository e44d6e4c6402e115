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


def make_eval_config(labels: Sequence[str], positive_label: str, gate: GateSettings) -> config_pb2.EvalConfig:
    """AUC of the positive class against the rest, and its recall at the exported operating point.

    Both have a value threshold, and a change threshold against the baseline, which is TFMA's name for the latest
    blessed model.
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
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            _ranking_metrics(positive, gate),
            _operating_point_metrics(list(labels), positive, gate),
        ],
    )


def _ranking_metrics(positive: int, gate: GateSettings) -> config_pb2.MetricsSpec:
    options = config_pb2.BinarizationOptions()
    options.class_ids.values.append(positive)
    return config_pb2.MetricsSpec(
        binarize=options,
        metrics=[
            config_pb2.MetricConfig(
                class_name="AUC",
                config=json.dumps({"name": AUC}),
                threshold=_threshold(gate.minimum_auc, gate.maximum_auc_drop),
            ),
            config_pb2.MetricConfig(
                class_name="AUCPrecisionRecall", config=json.dumps({"name": AUC_PRECISION_RECALL})
            ),
            config_pb2.MetricConfig(class_name="ConfusionMatrixPlot"),
        ],
    )


def _operating_point_metrics(labels: list[str], positive: int, gate: GateSettings) -> config_pb2.MetricsSpec:
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
                threshold=_threshold(gate.minimum_recall, gate.maximum_recall_drop),
            ),
        ]
    )


def _threshold(minimum: float, maximum_drop: float) -> config_pb2.MetricThreshold:
    return config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": minimum}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -maximum_drop}
        ),
    )
