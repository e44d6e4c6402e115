"""Bodies of classify and regress requests: tf.Examples as JSON."""

from collections.abc import Mapping
from typing import Any

from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.example.feature_pb2 import BytesList, Feature, Features, FloatList, Int64List
from tensorflow_serving.apis.input_pb2 import ExampleList, ExampleListWithContext, Input

from serving.server.errors import invalid_argument
from serving.server.rest_json import to_bytes


def to_input(body: Mapping[str, Any]) -> Input:
    """Raises RequestError where `examples`, or `context`, are not what TensorFlow Serving takes."""
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise invalid_argument("'examples' is not a list with objects in it.")
    parsed = [_to_example(example) for example in examples]
    if "context" not in body:
        return Input(example_list=ExampleList(examples=parsed))
    context = _to_example(body["context"])
    return Input(example_list_with_context=ExampleListWithContext(examples=parsed, context=context))


def _to_example(values: Any) -> Example:
    if not isinstance(values, dict):
        raise invalid_argument("An example is not an object.")
    return Example(features=Features(feature={name: _to_feature(name, value) for name, value in values.items()}))


def _to_feature(name: str, value: Any) -> Feature:
    values = value if isinstance(value, list) else [value]
    try:
        if all(isinstance(each, int) for each in values):
            return Feature(int64_list=Int64List(value=values))
        if all(isinstance(each, int | float) for each in values):
            return Feature(float_list=FloatList(value=values))
    except ValueError as error:
        raise invalid_argument(f"{name}: a number is too large") from error
    return Feature(bytes_list=BytesList(value=[to_bytes(name, each) for each in values]))
