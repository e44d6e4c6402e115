"""Records of retrainings in ML Metadata, beside the executions that they tell of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.artifacts import RetrainingRecord as RecordArtifact
from pipeline.metadata.place import MetadataPlace
from pipeline.retraining.record import RetrainingRecord

EXECUTION_TYPE: Final = "breast_imaging.Retraining"
RECORD_FILE: Final = "record.json"
_FOLDER: Final = "Retraining"


def note_records(
    store: mlmd.MetadataStore, place: MetadataPlace, records: Sequence[RetrainingRecord], pipeline_root: Path
) -> None:
    """Adds an execution and its record for each that is not there yet."""
    for record in records:
        folder = pipeline_root / _FOLDER / f"retraining-{record.number:06d}"
        name = place.qualify(folder.name)
        if store.get_artifact_by_type_and_name(RecordArtifact.TYPE_NAME, name) is None:
            _note(store, record, name, folder)


def _note(store: mlmd.MetadataStore, record: RetrainingRecord, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    artifact = metadata_store_pb2.Artifact(
        type_id=store.put_artifact_type(metadata_store_pb2.ArtifactType(name=RecordArtifact.TYPE_NAME)),
        name=name,
        uri=str(folder),
        state=metadata_store_pb2.Artifact.LIVE,
    )
    artifact.custom_properties["number"].int_value = record.number
    artifact.custom_properties["action"].string_value = record.action
    artifact.custom_properties["reasons"].string_value = "\n".join(record.reasons)
    execution = metadata_store_pb2.Execution(
        type_id=store.put_execution_type(metadata_store_pb2.ExecutionType(name=EXECUTION_TYPE)),
        name=name,
        last_known_state=metadata_store_pb2.Execution.COMPLETE,
    )
    event = metadata_store_pb2.Event(type=metadata_store_pb2.Event.OUTPUT)
    store.put_execution(execution, [(artifact, event)], [])
