"""Makes arrays of tensors on the wire."""

import math

import numpy as np
from numpy.typing import NDArray

from serving.wire import messages_pb2 as wire


def floats(tensor: wire.TensorProto) -> NDArray[np.float32]:
    """The values of a float tensor, in its shape. Raises ValueError for any other."""
    _check_type(tensor, wire.DT_FLOAT)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, "<f4").reshape(_shape(tensor))
    return np.array(tensor.float_val, np.float32).reshape(_shape(tensor))


def strings(tensor: wire.TensorProto) -> NDArray[np.object_]:
    """The values of a string tensor as text, in its shape. Raises ValueError for any other."""
    _check_type(tensor, wire.DT_STRING)
    return np.array([value.decode() for value in tensor.string_val], object).reshape(_shape(tensor))


def _check_type(tensor: wire.TensorProto, expected: int) -> None:
    if tensor.dtype != expected:
        raise ValueError(f"its type is {tensor.dtype}, not {wire.DataType.Name(expected)} ({expected})")


def _shape(tensor: wire.TensorProto) -> tuple[int, ...]:
    sizes = tuple(dimension.size for dimension in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or min(sizes, default=0) < 0 or math.prod(sizes) >= 2**63:
        raise ValueError(f"its shape {sizes} is none")
    return sizes
