"""Requests and answers of the REST API as JSON, in the row and the column format of TensorFlow Serving."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from schema import contract
from serving.server.errors import RequestError, invalid_argument
from serving.server.execution import Outputs
from serving.server.requests import check_names

_B64: Final = "b64"
_BYTES_SUFFIX: Final = "_bytes"  # of outputs that are base64 in answers
_ROWS, _COLUMNS = "instances", "inputs"
_MAXIMUM_RANK: Final = 32


@dataclass(frozen=True)
class PredictBody:
    """Attributes: signature_name: as asked for, or the default; values: JSON; by_row: or by column."""

    signature_name: str
    values: Any
    by_row: bool


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises RequestError where the body is no JSON object."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid_argument("JSON Parse error: the body is not valid JSON.") from error
    if not isinstance(parsed, dict):
        raise invalid_argument("JSON Value: the body is not an object.")
    return parsed


def signature_in(body: Mapping[str, Any]) -> str:
    """Raises RequestError where it is no string."""
    name = body.get("signature_name", contract.SERVING_DEFAULT)
    if not isinstance(name, str):
        raise invalid_argument("'signature_name' key must be a string value.")
    return name or contract.SERVING_DEFAULT


def parse_predict_body(body: bytes) -> PredictBody:
    """Raises RequestError where it is in neither format, or in both."""
    parsed = parse_object(body)
    given = [key for key in (_ROWS, _COLUMNS) if key in parsed]
    if not given:
        raise invalid_argument("Missing 'inputs' or 'instances' key")
    if len(given) > 1:
        raise invalid_argument("Not formatted correctly: expecting one of 'inputs' and 'instances', not both.")
    return PredictBody(signature_in(parsed), parsed[given[0]], by_row=given[0] == _ROWS)


def to_inputs(body: PredictBody, signature: SignatureDef) -> dict[str, NDArray[np.generic]]:
    """Raises RequestError where the values are not the inputs of the signature."""
    columns = _columns_of_rows(body.values, signature) if body.by_row else _columns(body.values, signature)
    check_names(signature, columns)
    return {name: _to_array(name, value, signature.inputs[name].dtype) for name, value in columns.items()}


def to_answer(body: PredictBody, outputs: Outputs) -> dict[str, Any]:
    """In the format of the request. Raises RequestError where rows are asked of outputs that have no common batch."""
    values = {name: _to_json(name, array) for name, array in outputs.items()}
    if not body.by_row:
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    sizes = {array.shape[:1] for array in outputs.values()}
    if len(sizes) != 1 or sizes == {()}:
        raise invalid_argument("The outputs have inconsistent batch sizes; ask for the column format.")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]}


def _columns(values: Any, signature: SignatureDef) -> dict[str, Any]:
    if isinstance(values, dict) and not _is_b64(values):
        return values
    return {_only_input(signature): values}


def _columns_of_rows(rows: Any, signature: SignatureDef) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or not rows:
        raise invalid_argument("'instances' is not a list with values in it.")
    if not isinstance(rows[0], dict) or _is_b64(rows[0]):
        return {_only_input(signature): rows}
    names = rows[0].keys()
    if any(not isinstance(row, dict) or row.keys() != names for row in rows):
        raise invalid_argument("The objects in 'instances' have not all the same keys.")
    return {name: [row[name] for row in rows] for name in names}


def _only_input(signature: SignatureDef) -> str:
    if len(signature.inputs) != 1:
        raise invalid_argument("Values without names are for signatures of one input.")
    return str(next(iter(signature.inputs)))


def _to_array(name: str, value: Any, type_number: int) -> NDArray[np.generic]:
    dtype = tf.as_dtype(type_number)
    shape = _shape(name, value)
    leaves: list[Any] = []
    _collect(name, value, shape, dtype, leaves)
    try:
        return np.array(leaves, dtype.as_numpy_dtype).reshape(shape)
    except OverflowError as error:
        raise _type_error(name, dtype) from error


def _shape(name: str, value: Any) -> tuple[int, ...]:
    """By the first value at each level."""
    sizes: list[int] = []
    while isinstance(value, list):
        sizes.append(len(value))
        if len(sizes) > _MAXIMUM_RANK:
            raise invalid_argument(f"{name}: lists are nested deeper than {_MAXIMUM_RANK} levels.")
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def _collect(name: str, value: Any, shape: Sequence[int], dtype: tf.DType, leaves: list[Any]) -> None:
    if not shape:
        leaves.append(_to_leaf(name, value, dtype))
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise invalid_argument(f"{name}: a list of another size, or a value at another level, than before.")
    for each in value:
        _collect(name, each, shape[1:], dtype, leaves)


def _to_leaf(name: str, value: Any, dtype: tf.DType) -> Any:
    """What numpy takes for the dtype without changing the value."""
    if dtype == tf.string:
        return to_bytes(name, value)
    if not _fits(value, dtype):
        raise _type_error(name, dtype)
    return value


def _fits(value: Any, dtype: tf.DType) -> bool:
    if isinstance(value, bool):
        return bool(dtype.is_bool)
    if isinstance(value, int):
        return bool(dtype.is_integer or dtype.is_floating)
    return isinstance(value, float) and bool(dtype.is_floating)


def to_bytes(name: str, value: Any) -> bytes:
    """A string, or base64. Raises RequestError for anything else."""
    try:
        if _is_b64(value):
            return base64.b64decode(value[_B64], validate=True)
        if isinstance(value, str):
            return value.encode()
    except (binascii.Error, ValueError) as error:
        raise invalid_argument(f"{name}: Unable to base64 decode") from error
    raise _type_error(name, tf.string)


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_B64} and isinstance(value[_B64], str)


def _type_error(name: str, dtype: tf.DType) -> RequestError:
    return invalid_argument(f"{name}: a JSON value is not of expected type: {dtype.name}")


def _to_json(name: str, array: NDArray[np.generic]) -> Any:
    if array.dtype == object:
        strings = np.frompyfunc(_to_b64 if name.endswith(_BYTES_SUFFIX) else _to_text, 1, 1)
        return np.asarray(strings(array), object).tolist()
    if array.dtype == np.float32:
        # The shortest decimals that tell the number from its neighbours.
        return array.astype(str).astype(np.float64).tolist()
    return array.tolist()


def _to_b64(value: bytes) -> dict[str, str]:
    return {_B64: base64.b64encode(value).decode()}


def _to_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
