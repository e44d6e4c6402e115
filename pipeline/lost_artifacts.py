"""Makes ML Metadata forget artifacts whose files are gone, so that no run builds on them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.publisher.executor import DESTINATION_PROPERTY
from pipeline.metadata.place import of_pipeline

_LOGGER = logging.getLogger(__name__)


def forget_lost_artifacts(store: mlmd.MetadataStore, pipeline_name: str, pipeline_root: Path) -> list[str]:
    """Marks what of the pipeline was deleted, or left behind when the output folder was moved, as deleted.

    TFX's cache and resolvers pass over such artifacts, so their steps run again.

    Returns:
        The folders that are missing.
    """
    lost = []
    live = mlmd.ListOptions(filter_query=f"state = LIVE AND {of_pipeline(pipeline_name)}")
    for artifact in store.get_artifacts(live):
        missing = next(_missing_folders(artifact, pipeline_root), None)
        if missing is not None:
            artifact.state = metadata_store_pb2.Artifact.DELETED
            store.put_artifacts([artifact])
            _LOGGER.warning("Artifact %d is forgotten, since %s is missing.", artifact.id, missing)
            lost.append(str(missing))
    return lost


def _missing_folders(artifact: metadata_store_pb2.Artifact, pipeline_root: Path) -> Iterator[Path]:
    folder = Path(artifact.uri)
    if not folder.is_relative_to(pipeline_root) or not folder.exists():
        yield folder
    published = artifact.custom_properties[DESTINATION_PROPERTY].string_value
    if published and not Path(published).is_dir():
        yield Path(published)
