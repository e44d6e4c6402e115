"""Runs the graph on this machine: Beam in this process, metadata in SQLite."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.orchestration import metadata

from components.models.registry import get_model
from components.models.weights import check_weights
from components.report.component import RunReport
from components.report.content import PAGE_FILE, SUMMARY_FILE
from pipeline.config import BeamSettings, Config
from pipeline.fingerprints import data_fingerprint
from pipeline.graph import Platform, build_pipeline
from pipeline.lost_artifacts import forget_lost_artifacts
from pipeline.output import OutputFolder
from schema.errors import BreastImagingError

_REPORT_TYPE: Final = f"{RunReport.__module__}.{RunReport.__qualname__}"


def local_platform(config: Config, data: Path, output: OutputFolder) -> Platform:
    """This machine as a platform. All paths become absolute."""
    return Platform(
        data_directory=str(data.resolve()),
        data_fingerprint=data_fingerprint(data),
        pipeline_root=str(output.pipeline_root),
        serving_directory=str(output.serving),
        metadata=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(output.metadata)),
        beam_arguments=beam_arguments(config.beam),
    )


def beam_arguments(settings: BeamSettings) -> list[str]:
    workers = settings.workers or os.cpu_count() or 1
    return [
        # Beam's DirectRunner would first try to download another runner.
        "--runner=FnApiRunner",
        f"--direct_num_workers={workers}",
        f"--direct_running_mode={'multi_threading' if workers > 1 else 'in_memory'}",
        # Without an image named, every component would pack TFX's sources for workers that do not exist.
        "--sdk_container_image=unused",
    ]


def run_locally(config: Config, data: Path, output: OutputFolder) -> None:
    """Runs the pipeline from the data folder to the output folder. Raises what a component raises.

    Raises ConfigurationError before anything runs where the file of weights is absent or another one.
    """
    check_weights(get_model(config.model.architecture), config.model)
    with _lock(output):
        pipeline = build_pipeline(config, local_platform(config, data, output))
        with _metadata(output) as handle:
            forget_lost_artifacts(handle.store, output.pipeline_root)
        tfx.orchestration.LocalDagRunner().run(pipeline)
        _copy_report(output)


@contextmanager
def _lock(output: OutputFolder) -> Iterator[None]:
    """Holds the output folder for this process; the system lets go of it even after a crash."""
    with output.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BreastImagingError(
                f"Another run is using the output folder {output.root}.",
                fix="wait for it to end, or choose another folder with --output",
            ) from error
        yield


def _copy_report(output: OutputFolder) -> None:
    """Puts the report of the latest run where a person looks for it; nothing where nothing has run."""
    with _metadata(output) as handle:
        directory = _latest_report(handle.store)
    if directory is None:
        return
    output.report.mkdir(exist_ok=True)
    for name in (PAGE_FILE, SUMMARY_FILE):
        partial = output.report / f".{name}.partial"
        shutil.copyfile(directory / name, partial)
        partial.replace(output.report / name)


def _metadata(output: OutputFolder) -> metadata.Metadata:
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(output.metadata))
    return metadata.Metadata(connection)


def _latest_report(store: mlmd.MetadataStore) -> Path | None:
    executions = store.get_executions_by_type(_REPORT_TYPE)
    if not executions:
        return None
    latest = max(execution.id for execution in executions)
    outputs = [
        event.artifact_id
        for event in store.get_events_by_execution_ids([latest])
        if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    (report,) = store.get_artifacts_by_id(outputs)
    return Path(report.uri)
