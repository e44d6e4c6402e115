"""Whatever a server answers is a prediction or an error with a name."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.client import ForeignModelError
from serving.client.reading import read_explanations, read_predictions
from serving.client.tensors import floats, strings
from serving.wire import messages_pb2 as wire
from tests.serving.fake_tf_serving import NAME

SIZES = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)
TENSORS = st.builds(
    wire.TensorProto,
    dtype=st.sampled_from([1, 2, 7, 999]),
    tensor_shape=st.builds(
        wire.TensorShapeProto,
        dim=st.lists(st.builds(wire.TensorShapeProto.Dim, size=SIZES), max_size=3),
        unknown_rank=st.booleans(),
    ),
    tensor_content=st.binary(max_size=17),
    float_val=st.lists(st.floats(width=32), max_size=4),
    string_val=st.lists(st.binary(max_size=3), max_size=4),
)
OUTPUTS = ("classes", "label", "probabilities", "malignant_probability", "threshold", "heat_map")
SPECS = st.builds(wire.ModelSpec, name=st.just(NAME)) | st.just(wire.ModelSpec(name=NAME, version={"value": 1}))


def shape_of(*sizes: int) -> wire.TensorShapeProto:
    return wire.TensorShapeProto(dim=[wire.TensorShapeProto.Dim(size=size) for size in sizes])


def numbers(values: list[float], *sizes: int) -> wire.TensorProto:
    """Value by value, as TensorFlow Serving spells them out."""
    return wire.TensorProto(dtype=wire.DT_FLOAT, tensor_shape=shape_of(*sizes), float_val=values)


def names(values: list[bytes], *sizes: int) -> wire.TensorProto:
    return wire.TensorProto(dtype=wire.DT_STRING, tensor_shape=shape_of(*sizes), string_val=values)


GOOD = {
    "classes": names([b"benign", b"malignant"], 1, 2),
    "label": names([b"benign"], 1),
    "probabilities": numbers([0.75, 0.25], 1, 2),
    "malignant_probability": numbers([0.25], 1),
    "threshold": numbers([0.5], 1),
    "heat_map": numbers([0.5] * 4096, 1, 64, 64),
}


def test_values_that_are_spelt_out_are_read() -> None:
    (explanation,) = read_explanations(
        wire.PredictResponse(model_spec=wire.ModelSpec(name=NAME, version={"value": 4}), outputs=GOOD), 1, 0.25
    )

    assert explanation.prediction.label == "benign"
    assert explanation.prediction.probabilities == {"benign": 0.75, "malignant": 0.25}
    assert (explanation.prediction.model_version, explanation.prediction.latency) == (4, 0.25)
    np.testing.assert_array_equal(explanation.heat_map, np.full((64, 64), 0.5, np.float32))


def test_an_answer_without_its_version_is_refused() -> None:
    with pytest.raises(ForeignModelError) as raised:
        read_predictions(wire.PredictResponse(model_spec=wire.ModelSpec(name=NAME), outputs=GOOD), 1, 0.1)
    assert raised.value.reasons == ("the answer does not say which version it is from",)


@settings(max_examples=300)
@given(outputs=st.dictionaries(st.sampled_from(OUTPUTS), TENSORS), spec=SPECS, images=st.integers(1, 3))
def test_any_answer_is_read_or_refused(
    outputs: dict[str, wire.TensorProto], spec: wire.ModelSpec, images: int
) -> None:
    response = wire.PredictResponse(model_spec=spec, outputs={**GOOD, **outputs})

    with contextlib.suppress(ForeignModelError):
        for explanation in read_explanations(response, images, 0.1):
            assert explanation.prediction.label in explanation.prediction.probabilities
            assert explanation.heat_map.shape == (64, 64)


@settings(max_examples=300)
@given(TENSORS)
def test_any_tensor_is_read_in_its_shape_or_refused(given_tensor: wire.TensorProto) -> None:
    for read in (floats, strings):
        with contextlib.suppress(ValueError):
            shape = tuple(dimension.size for dimension in given_tensor.tensor_shape.dim)
            assert read(given_tensor).shape == shape
