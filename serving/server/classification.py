"""Classify and Regress: tf.Examples in, and the outputs that signatures of those methods have."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.classification_pb2 import (
    Class,
    ClassificationRequest,
    ClassificationResponse,
    ClassificationResult,
    Classifications,
)
from tensorflow_serving.apis.input_pb2 import Input
from tensorflow_serving.apis.regression_pb2 import Regression, RegressionRequest, RegressionResponse, RegressionResult

from serving.saved_model import SessionModel
from serving.server.errors import failed_precondition, invalid_argument
from serving.server.execution import Outputs
from serving.server.inference import Inference, answered_by
from serving.server.loaded_version import LoadedVersion
from serving.server.requests import check_inputs, signature_name

_INPUTS = tf.saved_model.CLASSIFY_INPUTS  # as of regression
_CLASSES, _SCORES = tf.saved_model.CLASSIFY_OUTPUT_CLASSES, tf.saved_model.CLASSIFY_OUTPUT_SCORES
_OUTPUTS = tf.saved_model.REGRESS_OUTPUTS


async def classify(inference: Inference, request: ClassificationRequest) -> ClassificationResponse:
    """Raises RequestError."""
    with inference.asked("Classify", request.model_spec) as version:
        name = signature_name(request.model_spec)
        signature = _signature_of(version.model, name, tf.saved_model.CLASSIFY_METHOD_NAME, "classification")
        if not {_CLASSES, _SCORES} & signature.outputs.keys():
            raise failed_precondition(
                f'Expected classification signature outputs to contain at least one of "{_CLASSES}" or "{_SCORES}".'
            )
        examples = _examples_of(request.input, "ClassificationRequest")
        answer = await _run(inference, version, name, examples)
        return ClassificationResponse(
            model_spec=answered_by(request.model_spec.name, version.number, name),
            result=_to_classifications(answer, len(examples)),
        )


async def regress(inference: Inference, request: RegressionRequest) -> RegressionResponse:
    """Raises RequestError."""
    with inference.asked("Regress", request.model_spec) as version:
        name = signature_name(request.model_spec)
        signature = _signature_of(version.model, name, tf.saved_model.REGRESS_METHOD_NAME, "regression")
        if _OUTPUTS not in signature.outputs:
            raise failed_precondition("No regression outputs found in SignatureDef")
        examples = _examples_of(request.input, "RegressionRequest")
        answer = await _run(inference, version, name, examples)
        return RegressionResponse(
            model_spec=answered_by(request.model_spec.name, version.number, name),
            result=_to_regressions(answer[_OUTPUTS], len(examples)),
        )


def _signature_of(model: SessionModel, name: str, method: str, what: str) -> SignatureDef:
    if name not in model.signatures:
        raise invalid_argument(f"No signature was found with the name: {name}")
    signature = model.signatures[name]
    if signature.method_name != method:
        raise invalid_argument(f"Expected {what} signature method_name to be {method}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if _INPUTS not in signature.inputs:
        raise failed_precondition(f"No {what} inputs found in SignatureDef")
    return signature


def _examples_of(given: Input, request: str) -> list[bytes]:
    """Serialized, each with the features of the context that it has not itself."""
    if given.WhichOneof("kind") == "example_list_with_context":
        nested = given.example_list_with_context
        examples = [_merged(nested.context, example) for example in nested.examples]
    else:
        examples = list(given.example_list.examples)
    if not examples:
        raise invalid_argument(f"{request}::input is empty.")
    return [example.SerializeToString() for example in examples]


def _merged(context: Example, example: Example) -> Example:
    merged = Example()
    merged.CopyFrom(context)
    merged.MergeFrom(example)
    return merged


async def _run(inference: Inference, version: LoadedVersion, name: str, examples: Sequence[bytes]) -> Outputs:
    inputs: dict[str, NDArray[np.generic]] = {_INPUTS: np.array(examples, object)}
    return await inference.run(version, name, check_inputs(version.model.signatures[name], inputs, inference.limits))


def _to_classifications(answer: Outputs, examples: int) -> ClassificationResult:
    classes, scores = answer.get(_CLASSES), answer.get(_SCORES)
    for output in (classes, scores):
        if output is not None and (output.ndim != 2 or len(output) != examples):
            raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {list(output.shape)}")
    result = ClassificationResult()
    for row in range(examples):
        labels = [] if classes is None else classes[row].tolist()
        values = [] if scores is None else scores[row].tolist()
        result.classifications.append(Classifications(classes=_classes(labels, values)))
    return result


def _classes(labels: Sequence[bytes], scores: Sequence[float]) -> list[Class]:
    if not labels:
        return [Class(score=score) for score in scores]
    if not scores:
        return [Class(label=label) for label in labels]
    return [Class(label=label, score=score) for label, score in zip(labels, scores, strict=True)]


def _to_regressions(outputs: NDArray[np.generic], examples: int) -> RegressionResult:
    if outputs.shape not in {(examples,), (examples, 1)}:
        raise invalid_argument(f"Expected output Tensor shape to be either [{examples}] or [{examples}, 1]")
    return RegressionResult(regressions=[Regression(value=value) for value in outputs.ravel().tolist()])
