"""Artifacts whose files are gone."""

from pathlib import Path

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2

from components.publisher.executor import DESTINATION_PROPERTY
from pipeline.lost_artifacts import forget_lost_artifacts
from tests.metadata import put_in_pipeline

PIPELINE = "breast-imaging.ours"
LIVE, DELETED = metadata_store_pb2.Artifact.LIVE, metadata_store_pb2.Artifact.DELETED


@pytest.fixture
def store() -> mlmd.MetadataStore:
    connection = metadata_store_pb2.ConnectionConfig()
    connection.fake_database.SetInParent()
    return mlmd.MetadataStore(connection)


def _put(store: mlmd.MetadataStore, folder: Path, published: Path | None = None, pipeline: str = PIPELINE) -> int:
    artifact = metadata_store_pb2.Artifact(
        type_id=store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model")), uri=str(folder), state=LIVE
    )
    if published is not None:
        artifact.custom_properties[DESTINATION_PROPERTY].string_value = str(published)
    (identity,) = store.put_artifacts([artifact])
    put_in_pipeline(store, pipeline, artifacts=[identity])
    return int(identity)


def _states(store: mlmd.MetadataStore, identities: list[int]) -> list[int]:
    return [artifact.state for artifact in store.get_artifacts_by_id(identities)]


def test_what_is_there_stays(store: mlmd.MetadataStore, tmp_path: Path) -> None:
    identity = _put(store, tmp_path, published=tmp_path)
    assert forget_lost_artifacts(store, PIPELINE, tmp_path) == []
    assert _states(store, [identity]) == [LIVE]


def test_missing_folders_are_forgotten_and_named_once(store: mlmd.MetadataStore, tmp_path: Path) -> None:
    identities = [_put(store, tmp_path), _put(store, tmp_path / "gone")]
    assert forget_lost_artifacts(store, PIPELINE, tmp_path) == [str(tmp_path / "gone")]
    assert _states(store, identities) == [LIVE, DELETED]
    assert forget_lost_artifacts(store, PIPELINE, tmp_path) == []


def test_artifacts_of_another_place_are_forgotten_even_if_they_exist(
    store: mlmd.MetadataStore, tmp_path: Path
) -> None:
    (tmp_path / "moved").mkdir()
    identity = _put(store, tmp_path)
    assert forget_lost_artifacts(store, PIPELINE, tmp_path / "moved") == [str(tmp_path)]
    assert _states(store, [identity]) == [DELETED]


def test_a_push_is_forgotten_with_the_version_that_it_published(store: mlmd.MetadataStore, tmp_path: Path) -> None:
    identity = _put(store, tmp_path, published=tmp_path / "serving" / "7")
    assert forget_lost_artifacts(store, PIPELINE, tmp_path) == [str(tmp_path / "serving" / "7")]
    assert _states(store, [identity]) == [DELETED]


def test_what_another_pipeline_has_in_the_same_database_stays(store: mlmd.MetadataStore, tmp_path: Path) -> None:
    identity = _put(store, Path("/somewhere/else"), pipeline="breast-imaging.theirs")
    assert forget_lost_artifacts(store, PIPELINE, tmp_path) == []
    assert _states(store, [identity]) == [LIVE]
