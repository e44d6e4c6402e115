"""Tensors of requests and answers: TensorProto, and numpy's arrays.

What a request claims is held against what it has before anything is allocated.
"""

import math
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo

from serving.server.errors import RequestError, invalid_argument

_DIMENSIONS: Final = 32  # far more than any model has
# The fields that clients of TensorFlow Serving read answers from.
_VALUE_FIELDS: Final = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.int64: "int64_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
}


def to_array(name: str, proto: TensorProto, maximum_bytes: int) -> NDArray[np.generic]:
    """Raises RequestError where the values are not as many as the shape says, or another type than `dtype` says.

    One value stands for all, as in TensorFlow, in a tensor of `maximum_bytes` at most.
    """
    dtype = _dtype(name, proto)
    shape = _sizes(name, proto.tensor_shape)
    size = math.prod(shape)
    # Numpy cannot have such shapes even where a size of 0 makes them empty.
    if math.prod(max(each, 1) for each in shape) * (dtype.size or 1) > maximum_bytes:
        raise _parsing_error(name, f"it is larger than {maximum_bytes} bytes")
    if proto.tensor_content:
        return _from_content(name, proto.tensor_content, dtype, shape)
    values = getattr(proto, _VALUE_FIELDS[dtype])
    if len(values) == size:
        return _from_values(name, values, dtype).reshape(shape)
    if len(values) != 1 or dtype == tf.string:
        raise _parsing_error(name, f"its shape has {size} values, and it {len(values)}")
    return np.full(shape, _from_values(name, values, dtype)[0])


def check_array(name: str, array: NDArray[np.generic], info: TensorInfo) -> None:
    """Raises RequestError where a signature takes tensors of another dtype or shape."""
    expected, found = tf.as_dtype(info.dtype), tf.as_dtype(array.dtype)
    if found != expected:
        raise invalid_argument(f"input tensor {name}: expected dtype {expected.name}, got {found.name}")
    if not tf.TensorShape(info.tensor_shape).is_compatible_with(array.shape):
        wanted = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
        raise invalid_argument(f"input tensor {name}: expected shape {wanted}, got {list(array.shape)}")


def to_proto(array: NDArray[np.generic]) -> TensorProto:
    """With values in the field of their type, and without `tensor_content`, as TensorFlow Serving answers."""
    dtype = tf.as_dtype(array.dtype)
    if dtype not in _VALUE_FIELDS:
        return tf.make_tensor_proto(array)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in array.shape])
    proto = TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=shape)
    getattr(proto, _VALUE_FIELDS[dtype]).extend(array.ravel().tolist())
    return proto


def _dtype(name: str, proto: TensorProto) -> tf.DType:
    try:
        dtype = tf.as_dtype(proto.dtype)
    except TypeError as error:
        raise _parsing_error(name, "it has no dtype") from error
    if dtype not in _VALUE_FIELDS:
        raise _parsing_error(name, f"the dtype {dtype.name} is not supported")
    return dtype


def _sizes(name: str, shape: TensorShapeProto) -> tuple[int, ...]:
    sizes = tuple(dim.size for dim in shape.dim)
    if shape.unknown_rank or any(size < 0 for size in sizes) or len(sizes) > _DIMENSIONS:
        raise _parsing_error(name, "its shape is not fully defined")
    return sizes


def _from_content(name: str, content: bytes, dtype: tf.DType, shape: tuple[int, ...]) -> NDArray[np.generic]:
    if dtype == tf.string or len(content) != math.prod(shape) * dtype.size:
        raise _parsing_error(name, f"its tensor_content of {len(content)} bytes is not of its shape and dtype")
    return np.frombuffer(content, dtype.as_numpy_dtype).reshape(shape)


def _from_values(name: str, values: object, dtype: tf.DType) -> NDArray[np.generic]:
    try:
        return np.array(values, dtype.as_numpy_dtype)
    except OverflowError as error:
        raise _parsing_error(name, f"a value does not fit into {dtype.name}") from error


def _parsing_error(name: str, reason: str) -> RequestError:
    return invalid_argument(f"tensor parsing error: {name}: {reason}")
