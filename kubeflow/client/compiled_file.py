"""A compiled pipeline: the file that `breast-imaging kubeflow compile` writes."""

import hashlib
from collections.abc import Mapping, Sequence
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
class CompiledFile:
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


def read_compiled_file(path: Path) -> CompiledFile:
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
    name = (spec.get("pipelineInfo") or {}).get("name")
    if not name or spec.get("schemaVersion") != SCHEMA_VERSION:
        raise ConfigurationError(f"{path} is no compiled pipeline of schema {SCHEMA_VERSION}.", fix=_COMPILE)
    return CompiledFile(path, name, hashlib.sha256(data).hexdigest(), spec)


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
