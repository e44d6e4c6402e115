"""Requests to a server, for tests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from schema import contract

DEADLINE_SECONDS = 60.0


def spec(name: str, signature: str = "", version: int | None = None, label: str = "") -> ModelSpec:
    made = ModelSpec(name=name, signature_name=signature)
    if version is not None:
        made.version.value = version
    if label:
        made.version_label = label
    return made


def predict_request(
    model_spec: ModelSpec, inputs: Mapping[str, TensorProto], output_filter: Sequence[str] = ()
) -> PredictRequest:
    return PredictRequest(model_spec=model_spec, inputs=inputs, output_filter=output_filter)


def strings(values: Sequence[bytes]) -> TensorProto:
    return tf.make_tensor_proto(list(values), tf.string, [len(values)])


def image_request(model_spec: ModelSpec, images: Sequence[bytes]) -> PredictRequest:
    """To `serving_image`, where the specification names no other signature."""
    model_spec.signature_name = model_spec.signature_name or contract.SERVING_IMAGE
    return predict_request(model_spec, {contract.IMAGE_BYTES_INPUT: strings(images)})


def arrays(response: Any) -> dict[str, np.ndarray]:
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def example(features: Mapping[str, Any]) -> tf.train.Example:
    """Of floats or bytes."""
    made = tf.train.Example()
    for name, value in features.items():
        if isinstance(value, bytes):
            made.features.feature[name].bytes_list.value.append(value)
        else:
            made.features.feature[name].float_list.value.append(value)
    return made


def failure(call: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, str]:
    """How a call fails: its code and its text."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=DEADLINE_SECONDS)
    return caught.value.code(), caught.value.details()
