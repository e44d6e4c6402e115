"""What TFMA refused beside the figures of all test images: parts of them, and means over the classes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import tensorflow_model_analysis as tfma

from components.evaluator.eval_config import AUC, MACRO_AUC
from components.evaluator.metrics import MACRO_RECALL, RECALL
from schema import contract

_TITLES: Final[Mapping[str, str]] = {
    AUC: "AUC",
    RECALL: "recall",
    MACRO_AUC: "mean AUC of the classes",
    MACRO_RECALL: "mean recall of the classes",
}


def read_refusals(directory: str) -> list[str]:
    """Sentences, from TFMA's own verdict in the folder of an evaluation."""
    return list(_refusals(tfma.load_validation_result(directory)))


def _refusals(result: Any) -> Iterator[str]:
    for validation in result.metric_validations_per_slice:
        slices = [_describe(key) for key in validation.slice_key.single_slice_keys]
        for failure in validation.failures:
            name = failure.metric_key.name
            if slices or name in (MACRO_AUC, MACRO_RECALL):
                yield _sentence(_TITLES.get(name, name), slices, failure)
    for missing in result.missing_slices:
        names = [_attribute(feature) for feature in missing.feature_keys]
        yield f"No test image has the attribute {', '.join(names)}, by whose values the gate divides them."


def _sentence(title: str, slices: list[str], failure: Any) -> str:
    where = f" where {' and '.join(slices)}" if slices else ""
    bound = failure.metric_threshold.value_threshold.lower_bound.value
    if not failure.HasField("metric_value"):
        return f"The {title}{where} could not be computed; at least {bound:.3f} is asked for."
    return f"The {title}{where} is {failure.metric_value.double_value.value:.3f}; at least {bound:.3f} is asked for."


def _describe(key: Any) -> str:
    """Of one value of one attribute: `view is CC`."""
    kind = key.WhichOneof("kind")
    value = getattr(key, kind) if kind else ""
    return f"{_attribute(key.column)} is {value.decode() if isinstance(value, bytes) else value}"


def _attribute(feature: str) -> str:
    return next((name for name, column in contract.SLICES.items() if column == feature), feature)
