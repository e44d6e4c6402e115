"""Whose metadata are whose, in a database that several share."""

import socket
import string
from pathlib import Path

import ml_metadata as mlmd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2 as pb

from components.span_gate.component import SpanGate
from pipeline.config import load_config
from pipeline.graph import build_pipeline
from pipeline.local import fingerprinted_platform
from pipeline.metadata.mysql import connection_config
from pipeline.metadata.namespaces import claim_namespace
from pipeline.metadata.place import latest_outputs, metadata_place
from pipeline.metadata.prepare import prepare_metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.output import OutputFolder, open_output
from schema.errors import ConfigurationError
from tests.metadata import memory_store, put_in_pipeline

SERVER = {
    "backend": "mysql",
    "namespace": "team-a",
    "host": "db.example.org",
    "database": "mlmd",
    "user": "tfx",
    "password_from": "env:NO_SUCH_VARIABLE",
}


def server(**changes: object) -> MetadataSettings:
    return MetadataSettings.model_validate(SERVER | changes)


def refusal(overrides: list[str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_config("synthetic", [f"metadata.{override}" for override in overrides])
    return str(caught.value)


def test_a_file_in_the_output_folder_is_the_default(tmp_path: Path) -> None:
    output = open_output(tmp_path)
    place = prepare_metadata(MetadataSettings(), output)

    assert place.connection.sqlite.filename_uri == str(output.metadata)
    assert place.pipeline_name == "breast-imaging"
    assert not output.identity.exists()


def test_names_on_a_server_have_the_namespace(tmp_path: Path) -> None:
    place = metadata_place(server(), OutputFolder(tmp_path))

    assert place.pipeline_name == "breast-imaging.team-a"
    assert place.qualify("retraining-000001") == "retraining-000001.team-a"


def test_a_graph_has_the_name_of_its_namespace_and_no_step_knows_the_server(tmp_path: Path) -> None:
    """Else a step would run again when the server moves, or tell of it in what is published."""
    config = load_config("synthetic", [f"metadata={SERVER}"])
    pipeline = build_pipeline(config, fingerprinted_platform(config, tmp_path, "1", OutputFolder(tmp_path)))

    assert pipeline.pipeline_info.pipeline_name == "breast-imaging.team-a"
    properties = [str(node.exec_properties) for node in pipeline.components]
    assert any("minimum_auc" in text for text in properties)
    assert not any("db.example.org" in text or "team-a" in text for text in properties)


def test_the_connection_that_tfx_logs_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_SUCH_VARIABLE", "hunter2")
    database = connection_config(server(tls_ca="/ca.pem")).mysql

    assert (database.host, database.port, database.database, database.user) == ("db.example.org", 3306, "mlmd", "tfx")
    assert (database.password, database.ssl_options.ca, database.skip_db_creation) == ("", "/ca.pem", True)


def test_localhost_is_an_address_and_not_a_socket() -> None:
    assert connection_config(server(host="localhost")).mysql.host == "127.0.0.1"


@pytest.mark.parametrize("missing", ["namespace", "host", "database", "user", "password_from"])
def test_a_server_needs_all_of_its_keys(missing: str) -> None:
    given_keys = [f"{key}={value}" for key, value in SERVER.items() if key != missing]
    assert f"backend mysql needs {missing}" in refusal(given_keys)


def test_keys_of_a_server_without_one_are_refused() -> None:
    assert "backend is sqlite, which takes no other key" in refusal(["host=db.example.org"])


@pytest.mark.parametrize("name", ["host", "database", "user", "password_from"])
def test_the_password_itself_is_no_key(name: str) -> None:
    assert "there is no such key" in refusal([f"{name}=x", "password=hunter2"])
    assert "hunter2" not in refusal([f"{name}=x", "password=hunter2"])


@given(st.text(max_size=70))
def test_a_database_or_namespace_of_any_text_never_reaches_a_query(text: str) -> None:
    for key in ("database", "namespace"):
        try:
            accepted = getattr(server(**{key: text}), key)
        except ValueError:
            continue
        assert set(accepted) <= {*string.ascii_letters, *string.digits, "_", "-"}


def test_without_its_password_no_server_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no secret in the environment variable NO_SUCH_VARIABLE") as caught:
        prepare_metadata(server(), open_output(tmp_path))
    assert caught.value.exit_code == 4


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_SUCH_VARIABLE", "hunter2")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listened on
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            prepare_metadata(server(host="127.0.0.1", port=port), open_output(tmp_path))

    assert caught.value.what == (
        f"The metadata server 127.0.0.1:{port} (database mlmd, user tfx) cannot be used: Can't connect to"
        " MySQL server on '127.0.0.1' ([Errno 111] Connection refused)."
    )
    assert caught.value.fix.startswith("start it, or correct metadata.host")


def test_a_namespace_is_for_one_output_folder(tmp_path: Path) -> None:
    store, ours, theirs = memory_store(), open_output(tmp_path / "ours"), open_output(tmp_path / "theirs")
    claim_namespace(store, "team-a", ours)
    claim_namespace(store, "team-a", ours)
    claim_namespace(store, "team-b", theirs)

    with pytest.raises(ConfigurationError, match=f"that of another output folder, .*:{ours.root}") as caught:
        claim_namespace(store, "team-a", theirs)
    assert caught.value.exit_code == 4


def test_an_output_folder_that_was_moved_keeps_its_namespace(tmp_path: Path) -> None:
    store, before = memory_store(), open_output(tmp_path / "before")
    claim_namespace(store, "team-a", before)
    before.root.rename(tmp_path / "after")

    claim_namespace(store, "team-a", open_output(tmp_path / "after"))
    with pytest.raises(ConfigurationError):
        claim_namespace(store, "team-a", open_output(tmp_path / "before"))


def test_of_two_that_claim_at_once_one_gets_the_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, ours, theirs = memory_store(), open_output(tmp_path / "ours"), open_output(tmp_path / "theirs")
    put = store.put_contexts

    def put_late(contexts: list[pb.Context]) -> list[int]:
        monkeypatch.setattr(store, "put_contexts", put)
        claim_namespace(store, "team-a", theirs)
        return list(put(contexts))

    monkeypatch.setattr(store, "put_contexts", put_late)
    with pytest.raises(ConfigurationError, match="that of another output folder"):
        claim_namespace(store, "team-a", ours)


def test_the_latest_result_is_of_the_own_pipeline(tmp_path: Path) -> None:
    store = memory_store()
    for folder, pipeline in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        _put_result(store, folder, pipeline)

    assert [result.uri for result in latest_outputs(store, "a", SpanGate)] == ["a2"]
    assert [result.uri for result in latest_outputs(store, "b", SpanGate)] == ["b1"]
    assert latest_outputs(store, "c", SpanGate) == []


def _put_result(store: mlmd.MetadataStore, folder: str, pipeline: str) -> None:
    kind = store.put_execution_type(pb.ExecutionType(name=f"{SpanGate.__module__}.{SpanGate.__qualname__}"))
    artifact = pb.Artifact(type_id=store.put_artifact_type(pb.ArtifactType(name="Result")), uri=folder)
    event = pb.Event(type=pb.Event.OUTPUT)
    execution, artifacts, _ = store.put_execution(pb.Execution(type_id=kind), [(artifact, event)], [])
    put_in_pipeline(store, pipeline, artifacts, [execution])
