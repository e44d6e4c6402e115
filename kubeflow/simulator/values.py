"""Values as the backend writes and stores them: metadata/converter.go and client.go."""

import json
from decimal import Decimal
from typing import Any

from google.protobuf import json_format, struct_pb2


class RefusedValueError(ValueError):
    """A value that the backend does not take."""


def number_to_text(number: float) -> str:
    """Without an exponent, and without a point where it is whole, as Go's FormatFloat(number, 'f', -1, 64)."""
    return str(int(number)) if number.is_integer() else format(Decimal(repr(number)), "f")


def value_to_text(value: Any) -> str:
    """As it stands in a placeholder's place, and where a string is asked for."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return str(value.string_value)
    if kind == "number_value":
        return number_to_text(value.number_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind in {"list_value", "struct_value"}:
        return json.dumps(json_format.MessageToDict(value), separators=(",", ":"), sort_keys=True)
    raise RefusedValueError("null")


def text_to_value(text: str, parameter_type: str) -> Any:
    """Raises RefusedValueError where the text is none of that type, which is a name of `ParameterType`."""
    try:
        return _READERS[parameter_type](text)
    except (ValueError, KeyError) as error:
        raise RefusedValueError(f"{text!r} is not {parameter_type}") from error


def through_metadata(metadata: Any) -> Any:
    """Metadata as ML Metadata gives it back. Raises RefusedValueError for null, over which the launcher fails."""
    stored = struct_pb2.Struct()
    for key, value in metadata.fields.items():
        kind = value.WhichOneof("kind")
        if kind in {None, "null_value"}:
            raise RefusedValueError(f"the metadata {key} is null")
        if kind == "bool_value":
            stored.fields[key].number_value = float(value.bool_value)
        elif kind in {"list_value", "struct_value"}:
            stored.fields[key].struct_value.fields[kind.removesuffix("_value")].CopyFrom(value)
        else:
            stored.fields[key].CopyFrom(value)
    return stored


def _boolean(text: str) -> Any:
    return struct_pb2.Value(bool_value={"true": True, "false": False}[text.lower()])


def _structured(text: str) -> Any:
    value = struct_pb2.Value()
    json_format.ParseDict(json.loads(text), value)
    return value


_READERS = {
    "STRING": lambda text: struct_pb2.Value(string_value=text),
    "NUMBER_INTEGER": lambda text: struct_pb2.Value(number_value=int(text)),
    "NUMBER_DOUBLE": lambda text: struct_pb2.Value(number_value=float(text)),
    "BOOLEAN": _boolean,
    "LIST": _structured,
    "STRUCT": _structured,
}
