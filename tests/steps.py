"""A step of a run done again, on another engine: with the same inputs and settings, in this process."""

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration import metadata
from tfx.types import artifact_utils

from pipeline.metadata.place import metadata_place
from pipeline.metadata.settings import MetadataSettings
from pipeline.output import OutputFolder

Artifacts = dict[str, list[types.Artifact]]


def outputs_of(run: OutputFolder, component: str) -> Artifacts:
    """What the latest execution of a component wrote. Args: component: the end of its type's name."""
    with _metadata_of(run) as handle:
        return _artifacts(handle, _execution(handle, component), metadata_store_pb2.Event.OUTPUT)


def redo(
    run: OutputFolder, component: str, executor: type[BaseBeamExecutor], arguments: list[str], folder: Path
) -> Artifacts:
    """Does the latest execution of a component again, with other arguments for Beam.

    Args:
        folder: an empty one to write to.

    Returns:
        What it wrote.
    """
    with _metadata_of(run) as handle:
        execution = _execution(handle, component)
        inputs = _artifacts(handle, execution, metadata_store_pb2.Event.INPUT)
        outputs = _artifacts(handle, execution, metadata_store_pb2.Event.OUTPUT)
    for name, artifacts in outputs.items():
        outputs[name] = [_anew(type(artifact), folder / name) for artifact in artifacts]
    properties = {
        key: getattr(value, value.WhichOneof("value"))
        for key, value in execution.custom_properties.items()
        if not key.startswith("__")
    }
    context = BaseBeamExecutor.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"), unique_id="1")
    with patch.object(sys, "argv", ["test"]):  # which TFX reads
        step = executor(context=context)
    step.Do(inputs, outputs, properties)
    return outputs


def _metadata_of(run: OutputFolder) -> metadata.Metadata:
    return metadata_place(MetadataSettings(), run).open()


def _execution(handle: metadata.Metadata, component: str) -> Any:
    [kind] = [found for found in handle.store.get_execution_types() if found.name.endswith(f".{component}")]
    return max(handle.store.get_executions_by_type(kind.name), key=lambda execution: execution.id)


def _artifacts(handle: metadata.Metadata, execution: Any, direction: Any) -> Artifacts:
    found: Artifacts = {}
    for event in handle.store.get_events_by_execution_ids([execution.id]):
        if event.type == direction:
            [artifact] = handle.store.get_artifacts_by_id([event.artifact_id])
            [kind] = handle.store.get_artifact_types_by_id([artifact.type_id])
            found.setdefault(event.path.steps[0].key, []).append(artifact_utils.deserialize_artifact(kind, artifact))
    return found


def _anew(kind: type[types.Artifact], folder: Path) -> types.Artifact:
    artifact = kind()
    artifact.uri = str(folder)
    folder.mkdir(parents=True)
    return artifact
