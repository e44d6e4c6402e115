"""A compiled pipeline: the file that `breast-imaging kubeflow compile` writes, and what it lets a run choose."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from schema.errors import ConfigurationError

LARGEST: Final = 32 * 1024 * 1024  # bytes that the server takes
SCHEMA_VERSION: Final = "2.1.0"
_DIGITS: Final = 12
_DOCUMENTS: Final = (pipeline_spec_pb2.PipelineSpec, pipeline_spec_pb2.PlatformSpec)
_COMPILE: Final = "write it with `breast-imaging kubeflow compile`"


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        name: of the pipeline.
        sha256: of the file's bytes, in hexadecimal digits.
        spec: the first document of the file.
    """

    path: Path
    name: str
    sha256: str
    spec: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The first digits of the SHA-256, which end the name of the version that this file becomes."""
        return self.sha256[:_DIGITS]


def read_package(path: Path) -> Package:
    """Raises ConfigurationError where the file is no compiled pipeline that the server takes."""
    if path.suffix != ".yaml":
        raise ConfigurationError(f"{path} is no .yaml file, which the server expects.", fix=_COMPILE)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).", fix=_COMPILE) from error
    if len(data) > LARGEST:
        raise ConfigurationError(
            f"{path} has more than the {LARGEST} bytes that the server takes.", fix="bake large files into the image"
        )
    spec = _read_documents(data, path)[0]
    name = _field(spec, "pipelineInfo", "name")
    if not isinstance(name, str) or not name or spec.get("schemaVersion") != SCHEMA_VERSION:
        raise ConfigurationError(f"{path} is no compiled pipeline of schema {SCHEMA_VERSION}.", fix=_COMPILE)
    return Package(path, name, hashlib.sha256(data).hexdigest(), spec)


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
    declared = _field(spec.get("pipeline_spec", spec), "root", "inputDefinitions", "parameters") or {}
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


def _read_documents(data: bytes, path: Path) -> Sequence[Mapping[str, Any]]:
    """The pipeline, and what it wants of Kubernetes where it wants anything."""
    try:
        documents = list(yaml.load_all(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{path} is not YAML ({_line(error)}).", fix=_COMPILE) from error
    if not 1 <= len(documents) <= len(_DOCUMENTS) or not all(isinstance(each, Mapping) for each in documents):
        raise ConfigurationError(f"{path} is no compiled pipeline.", fix=_COMPILE)
    try:
        for document, kind in zip(documents, _DOCUMENTS, strict=False):
            json_format.ParseDict(document, kind())
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path} is no compiled pipeline ({_line(error)}).", fix=_COMPILE) from error
    return documents


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _field(content: object, *names: str) -> Any:
    for name in names:
        if not isinstance(content, Mapping):
            return None
        content = content.get(name)
    return content
