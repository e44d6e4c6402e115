"""What a run may choose: values of the parameters that a pipeline declares."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from schema.errors import ConfigurationError


def read_arguments(texts: Sequence[str]) -> dict[str, str]:
    """Values by name from `NAME=VALUE`. Raises ConfigurationError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or name in found:
            why = "is given twice" if name in found else "is not NAME=VALUE"
            raise ConfigurationError(f"--param {text}: it {why}.", fix="give each parameter once, as NAME=VALUE")
        found[name] = value
    return found


def typed_arguments(spec: Mapping[str, Any], arguments: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a run as the types that the pipeline declares.

    Args:
        spec: of the pipeline, as in its file or as the server has it.

    Raises ConfigurationError where one is unknown or of another type, or one without a default is missing.
    """
    declared = _declared(spec)
    unknown = sorted(set(arguments) - set(declared))
    missing = sorted(name for name, each in declared.items() if _is_needed(each) and name not in arguments)
    if unknown or missing:
        reasons = [f"{name}: the pipeline has no such parameter" for name in unknown]
        reasons += [f"{name}: has no default, and no value is given" for name in missing]
        raise ConfigurationError(
            "The parameters do not fit the pipeline.",
            reasons=reasons,
            fix=f"its parameters are: {', '.join(sorted(declared)) or 'none'}",
        )
    return {name: _typed(name, text, declared[name].get("parameterType")) for name, text in arguments.items()}


def _typed(name: str, text: str, kind: str) -> Any:
    read, expected = _KINDS.get(kind, (str, "text"))
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(
            f"--param {name}={text}: the pipeline takes {expected} here.", fix=f"give {expected}"
        ) from error


def _json_of(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return read


_KINDS: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "NUMBER_INTEGER": (int, "a whole number"),
    "NUMBER_DOUBLE": (float, "a number"),
    "BOOLEAN": ({"true": True, "false": False}.__getitem__, "true or false"),
    "LIST": (_json_of(list), "a JSON list"),
    "STRUCT": (_json_of(dict), "a JSON object"),
}


def _is_needed(declaration: Mapping[str, Any]) -> bool:
    return "defaultValue" not in declaration and not declaration.get("isOptional", False)


def _declared(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters by name. A specification is wrapped where it comes with one for Kubernetes."""
    root = spec.get("pipeline_spec", spec).get("root") or {}
    return (root.get("inputDefinitions") or {}).get("parameters") or {}
