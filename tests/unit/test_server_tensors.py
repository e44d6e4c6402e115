"""Tensors on the wire: what numpy makes of them, and claims that are refused before anything is allocated."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto

from serving.server.errors import RequestError
from serving.server.tensors import to_array, to_proto

LIMIT = 1_000_000
DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: npst.arrays(dtype, shapes))


def proto(dtype: tf.DType, sizes: list[int], **fields: object) -> TensorProto:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])
    return TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=shape, **fields)


@given(arrays)
def test_answers_are_read_by_tensorflow_as_they_were(array: np.ndarray) -> None:
    sent = to_proto(array)

    assert sent.tensor_content == b""
    np.testing.assert_array_equal(tf.make_ndarray(sent), array)
    assert tf.make_ndarray(sent).dtype == array.dtype


@given(arrays)
def test_requests_are_read_as_tensorflow_writes_them(array: np.ndarray) -> None:
    found = to_array("x", tf.make_tensor_proto(array), LIMIT)

    np.testing.assert_array_equal(found, array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_strings_keep_their_bytes(values: list[bytes]) -> None:
    sent = to_proto(np.array(values, object))

    assert list(sent.string_val) == values
    assert to_array("x", sent, LIMIT).tolist() == values


def test_one_value_stands_for_all_within_the_limit() -> None:
    sent = proto(tf.float32, [2, 3], float_val=[1.5])

    assert to_array("x", sent, 24).tolist() == [[1.5] * 3] * 2
    with pytest.raises(RequestError, match="it is larger than 23 bytes"):
        to_array("x", sent, 23)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (proto(tf.float32, [2**40, 2**40], float_val=[1.0]), "it is larger than"),
        (proto(tf.string, [2**40], string_val=[b"x"]), "it is larger than"),
        (proto(tf.float32, [0, 2**62]), "it is larger than"),
        (proto(tf.string, [7], string_val=[b"x"]), "its shape has 7 values, and it 1"),
        (proto(tf.float32, [2], float_val=[1.0, 2.0, 3.0]), "its shape has 2 values, and it 3"),
        (proto(tf.float32, [2]), "its shape has 2 values, and it 0"),
        (proto(tf.float32, [2], int_val=[1, 2]), "its shape has 2 values, and it 0"),
        (proto(tf.float32, [2], tensor_content=b"1234567"), "its tensor_content of 7 bytes"),
        (proto(tf.string, [1], tensor_content=b"12345678"), "its tensor_content of 8 bytes"),
        (proto(tf.float32, [-1], float_val=[1.0]), "its shape is not fully defined"),
        (proto(tf.float32, [1] * 40, float_val=[1.0]), "its shape is not fully defined"),
        (proto(tf.int8, [1], int_val=[300]), "a value does not fit into int8"),
        (proto(tf.complex64, [1]), "the dtype complex64 is not supported"),
        (proto(tf.variant, [1]), "the dtype variant is not supported"),
        (TensorProto(dtype=0), "it has no dtype"),
        (TensorProto(dtype=4711), "it has no dtype"),
    ],
)
def test_claims_that_do_not_hold(sent: TensorProto, reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        to_array("x", sent, LIMIT)

    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.message.startswith(f"tensor parsing error: x: {reason}")
