"""What the launcher hands over, as TFX expects it."""

import re
from pathlib import Path
from typing import Any, Final

from google.protobuf import struct_pb2

from kubeflow.object_uris import local_path
from schema.errors import ConfigurationError

# Inputs of components that do without: what finds them leaves an empty folder where it found nothing, for the
# backend knows no artifact that is not there.
OPTIONAL_INPUTS: Final = frozenset({"baseline_model", "base_model", "previous"})

# The launcher tells these of every artifact.
_OF_THE_LAUNCHER: Final = ("display_name", "store_session_info")
_WRAPPERS: Final = ("list", "struct")
_SPAN: Final = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(:\d+)?\}")
_PLACES_OF_SPANS: Final = ("input_base", "input_config")


def check_spans(inputs: Any) -> None:
    """Raises ConfigurationError where a folder is a pattern of spans.

    TFX resolves it in a hook before the cache is looked up, which the backend does not call, so that a folder of
    that very name would be read.
    """
    for name in _PLACES_OF_SPANS:
        value = inputs.parameter_values[name].string_value if name in inputs.parameter_values else ""
        found = _SPAN.search(value)
        if found:
            raise ConfigurationError(
                f"The parameter {name} has {found[0]} in it, and nothing on Kubeflow Pipelines fills it in.",
                fix="name the folder of one span, or run `breast-imaging retrain`, which knows the spans",
            )


def fill_types(inputs: Any, spec: Any) -> None:
    """Gives each artifact the type that its consumer declares: the backend hands artifacts on without one."""
    for name, artifact in _artifacts(inputs):
        if artifact.type.WhichOneof("kind") is None:
            artifact.type.CopyFrom(spec.artifacts[name].artifact_type)


def unwrap_metadata(inputs: Any) -> None:
    """Takes off the `{"list": ...}` and `{"struct": ...}` that the launcher puts round values, and its own keys."""
    for _, artifact in _artifacts(inputs):
        fields = artifact.metadata.fields
        for key in _OF_THE_LAUNCHER:
            fields.pop(key, None)
        for key in list(fields):
            bare = struct_pb2.Value()
            bare.CopyFrom(_unwrapped(fields[key]))
            fields[key].CopyFrom(bare)


def localise(inputs: Any) -> None:
    """Replaces the URIs of object stores by the folders that the launcher has filled from them."""
    for _, artifact in _artifacts(inputs):
        artifact.uri = local_path(artifact.uri)


def drop_empty(inputs: Any) -> None:
    """Leaves out optional inputs that are empty; expects local paths."""
    for name in OPTIONAL_INPUTS & set(inputs.artifacts):
        if all(_is_empty(artifact.uri) for artifact in inputs.artifacts[name].artifacts):
            del inputs.artifacts[name]


def _artifacts(inputs: Any) -> list[tuple[str, Any]]:
    return [(name, artifact) for name, found in inputs.artifacts.items() for artifact in found.artifacts]


def _unwrapped(value: Any) -> Any:
    if value.WhichOneof("kind") == "struct_value" and len(value.struct_value.fields) == 1:
        [(key, inner)] = value.struct_value.fields.items()
        if key in _WRAPPERS and inner.WhichOneof("kind") == f"{key}_value":
            return inner
    return value


def _is_empty(path: str) -> bool:
    return not Path(path).is_file() and not any(Path(path).glob("*"))
