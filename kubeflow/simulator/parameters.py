"""Parameters of a run, checked as the API server and `argocompiler.Compile` (argo.go) check them."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.simulator.values import RefusedValueError, text_to_value
from schema.errors import ConfigurationError

_FIX = "give each as --param NAME=VALUE"


def run_parameters(spec: Any, given: Sequence[str]) -> dict[str, Any]:
    """The value of each parameter of the pipeline: what was given, or its default, or null where it is optional.

    Args:
        spec: a PipelineSpec.
        given: `name=value`; lists and structs in JSON.

    Raises ConfigurationError that names every parameter that is not there, not needed or of another type.
    """
    declared = spec.root.input_definitions.parameters
    reasons: list[str] = []
    texts = _split(given, reasons)
    reasons += [_unknown(name, declared) for name in texts if name not in declared]
    values = {}
    for name, parameter in sorted(declared.items()):
        try:
            values[name] = _value(name, parameter, texts)
        except RefusedValueError as error:
            reasons.append(str(error))
    if reasons:
        raise ConfigurationError("The pipeline cannot be run with these parameters.", reasons=reasons, fix=_FIX)
    return values


def _split(given: Sequence[str], reasons: list[str]) -> dict[str, str]:
    texts = {}
    for text in given:
        name, equals, value = text.partition("=")
        if equals:
            texts[name] = value
        else:
            reasons.append(f"--param {text}: there is no '='")
    return texts


def _unknown(name: str, declared: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, declared, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(declared)) or 'none'}"
    return f"{name}: the pipeline has no such parameter; {hint}"


def _value(name: str, parameter: Any, texts: Mapping[str, str]) -> Any:
    parameter_type = pb.ParameterType.ParameterTypeEnum.Name(parameter.parameter_type)
    if name in texts:
        try:
            return text_to_value(texts[name], parameter_type)
        except RefusedValueError as error:
            raise RefusedValueError(f"{name}: {error}") from error
    if parameter.HasField("default_value"):
        return parameter.default_value
    if parameter.is_optional:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    raise RefusedValueError(f"{name}: it has neither a value nor a default ({parameter_type})")
