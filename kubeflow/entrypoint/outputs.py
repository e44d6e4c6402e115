"""What TFX leaves behind, as the launcher takes it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.artifact_schema import title
from kubeflow.object_uris import local_path
from schema.durable_files import replace_text
from schema.errors import BreastImagingError

# TFX writes the value itself to the URI.
_VALUES: Final = frozenset(f"tfx.{name}" for name in ("Boolean", "Bytes", "Float", "Integer", "JsonValue", "String"))
# The UI fetches one object from the URI; our components write their file below it.
_PAGES: Final = frozenset({"system.HTML", "system.Markdown"})


def localise(outputs: Any) -> dict[str, str]:
    """Replaces the URIs of object stores by local paths. Returns the URIs that the launcher gave, by output."""
    given = {}
    for name, found in outputs.artifacts.items():
        for artifact in found.artifacts:
            given[name] = artifact.uri
            artifact.uri = local_path(artifact.uri)
    return given


def make_folders(outputs: Any) -> None:
    """Makes the folders that TFX expects; of an artifact that is a value, which is a file, the folder around it."""
    for found in outputs.artifacts.values():
        for artifact in found.artifacts:
            is_value = title(artifact.type) in _VALUES
            os.makedirs(os.path.dirname(artifact.uri) if is_value else artifact.uri, exist_ok=True)
    os.makedirs(os.path.dirname(outputs.output_file), exist_ok=True)


def hand_back(outputs: Any, given: Mapping[str, str]) -> None:
    """Rewrites the file of outputs for the launcher: its own URIs, pages as one object, no values that are null."""
    file = Path(outputs.output_file)
    written = json_format.Parse(file.read_text("utf-8"), pb.ExecutorOutput(), ignore_unknown_fields=True)
    for name, found in written.artifacts.items():
        if title(outputs.artifacts[name].artifacts[0].type) in _PAGES:
            make_one_object(name, Path(local_path(given[name])))
        for artifact in found.artifacts:
            artifact.uri = given[name]
            drop_nulls(artifact)
    write_outputs(written, file)


def write_outputs(outputs: Any, file: Path) -> None:
    """Replaces the file in one step. Args: outputs: an ExecutorOutput."""
    replace_text(file, json_format.MessageToJson(outputs))


def make_one_object(name: str, folder: Path) -> None:
    """Puts the only file of a folder in its place. Raises BreastImagingError where it is not the only one."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else [folder]
    if len(files) != 1:
        raise BreastImagingError(
            f"The output {name} has {len(files)} files, and Kubeflow Pipelines shows an artifact that is one.",
            fix="have the component write one page",
        )
    if files == [folder]:
        return
    aside = folder.with_name(f".{folder.name}.partial")
    files[0].rename(aside)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir()
    folder.rmdir()
    aside.rename(folder)


def drop_nulls(artifact: Any) -> None:
    """Leaves out metadata without a value, over which the launcher fails."""
    for key, value in list(artifact.metadata.fields.items()):
        if value.WhichOneof("kind") in {None, "null_value"}:
            del artifact.metadata.fields[key]
