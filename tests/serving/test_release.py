"""Labels move on the server and in the file alike, or not at all."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from pipeline.cli.main import run_app
from schema.errors import BreastImagingError, ConfigurationError
from serving.client import ServerUnavailableError
from serving.release.config_file import ConfigFile, model_in, with_versions
from serving.release.labels import promoted, rolled_back, with_canary
from serving.release.rollout import ReleaseError, roll_out
from serving.release.server import ConfigRefusedError, ModelServer
from serving.release.survey import SurveyedVersion, survey
from serving.wire import messages_pb2 as wire
from tests.serving.fake_tf_serving import NAME, FakeServer, State

OTHER_MODEL = """
  config {
    name: "other"
    base_path: "/models/other"
    model_platform: "tensorflow"
    logging_config { sampling_config { sampling_rate: 0.5 } }
  }
"""
FILE = f"""# A comment
model_config_list {{
  config {{
    name: "{NAME}"
    base_path: "/models/{NAME}"
    model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 3 }} }}
    version_labels {{ key: "stable" value: 3 }}
  }}
{OTHER_MODEL}
}}
"""


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """Serves version 3 as the file says; 4, 5 and 6 are on its disk, and 6 is broken."""
    server = FakeServer(on_disk={3, 4, 5, 6}, broken={6}, states={3: State.AVAILABLE}, labels={"stable": 3})
    with server:
        yield server


@pytest.fixture
def server(fake: FakeServer) -> Iterator[ModelServer]:
    with ModelServer(fake.address, NAME, 5.0, None) as connected:
        yield connected


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "models.config"
    file.write_text(FILE)
    return file


def released(path: Path) -> tuple[dict[str, int], list[int]]:
    """Labels and versions in the file, as TensorFlow Serving reads it."""
    config = text_format.Parse(path.read_text(), model_server_config_pb2.ModelServerConfig())
    mine, other = config.model_config_list.config
    assert (
        other
        == text_format.Parse(
            f"model_config_list {{ {OTHER_MODEL} }}", model_server_config_pb2.ModelServerConfig()
        ).model_config_list.config[0]
    )
    assert (mine.base_path, mine.model_platform) == (f"/models/{NAME}", "tensorflow")
    return dict(mine.version_labels), list(mine.model_version_policy.specific.versions)


def test_a_canary_is_loaded_before_it_is_labelled(fake: FakeServer, server: ModelServer, path: Path) -> None:
    fake.polls_to_load = 2

    labels = roll_out([server], ConfigFile(path), NAME, lambda labels: with_canary(labels, 5), 30)

    assert labels == {"stable": 3, "canary": 5}
    assert fake.labels == labels
    assert fake.available() == {3, 5}
    assert released(path) == (labels, [3, 5])
    steps = [(dict(each.version_labels), list(each.model_version_policy.specific.versions)) for each in fake.reloads]
    assert steps == [({"stable": 3}, [3, 5]), (labels, [3, 5]), (labels, [3, 5])]


def test_a_promotion_keeps_what_was_stable_and_drops_what_has_no_label(
    fake: FakeServer, server: ModelServer, path: Path
) -> None:
    file = ConfigFile(path)
    roll_out([server], file, NAME, lambda labels: with_canary(labels, 4), 30)
    roll_out([server], file, NAME, lambda labels: promoted(labels, None), 30)
    assert fake.labels == {"stable": 4, "canary": 4, "previous": 3}
    assert fake.available() == {3, 4}

    roll_out([server], file, NAME, lambda labels: promoted(labels, 5), 30)

    assert fake.labels == {"stable": 5, "canary": 4, "previous": 4}
    assert fake.available() == {4, 5}
    assert released(path) == (fake.labels, [4, 5])
    loaded = {version for each in fake.reloads[-3:-1] for version in each.model_version_policy.specific.versions}
    assert loaded == {3, 4, 5}


def test_a_rollback_goes_back_and_unloads_the_version_that_is_left(
    fake: FakeServer, server: ModelServer, path: Path
) -> None:
    file = ConfigFile(path)
    roll_out([server], file, NAME, lambda labels: with_canary(labels, 5), 30)
    roll_out([server], file, NAME, lambda labels: promoted(labels, None), 30)

    roll_out([server], file, NAME, rolled_back, 30)

    assert fake.labels == {"stable": 3, "canary": 3}
    assert fake.available() == {3}
    assert released(path) == ({"stable": 3, "canary": 3}, [3])


def test_a_server_that_took_the_latest_version_keeps_it_until_another_is_stable(
    fake: FakeServer, server: ModelServer, path: Path
) -> None:
    unlabelled = FILE.replace('version_labels { key: "stable" value: 3 }', "")
    path.write_text(unlabelled.replace("specific { versions: 3 }", "latest { num_versions: 1 }"))
    fake.labels = {}

    roll_out([server], ConfigFile(path), NAME, lambda labels: promoted(labels, 5), 30)

    assert list(fake.reloads[0].model_version_policy.specific.versions) == [3, 5]
    assert fake.labels == {"stable": 5}
    assert fake.available() == {5}


def test_a_version_that_cannot_be_loaded_changes_nothing(fake: FakeServer, server: ModelServer, path: Path) -> None:
    with pytest.raises(ReleaseError) as raised:
        roll_out([server], ConfigFile(path), NAME, lambda labels: with_canary(labels, 6), 30)

    assert raised.value.what == (f"{fake.address} has not loaded version 6 of {NAME}. All is as it was before.")
    assert raised.value.reasons == ("version 6: end (the graph is damaged)",)
    assert fake.labels == {"stable": 3}
    assert fake.available() == {3}
    assert path.read_text() == FILE


def test_a_version_that_is_nowhere_changes_nothing(fake: FakeServer, server: ModelServer, path: Path) -> None:
    with pytest.raises(ReleaseError) as raised:
        roll_out([server], ConfigFile(path), NAME, lambda labels: with_canary(labels, 9), 0.5)

    assert raised.value.reasons == ("version 9: the server knows of none",)
    assert (fake.labels, fake.available()) == ({"stable": 3}, {3})
    assert path.read_text() == FILE


def test_a_version_that_failed_earlier_may_be_tried_again(fake: FakeServer, server: ModelServer, path: Path) -> None:
    fake.states[6] = State.END
    fake.broken = set()

    assert roll_out([server], ConfigFile(path), NAME, lambda labels: with_canary(labels, 6), 30)["canary"] == 6


@pytest.mark.parametrize("step", [0, 1, 2], ids=["loading", "labelling", "dropping"])
@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_a_step_that_fails_is_taken_back(
    step: int, code: grpc.StatusCode, fake: FakeServer, server: ModelServer, path: Path
) -> None:
    fake.reload_faults = deque([*[None] * step, code])

    with pytest.raises(ReleaseError, match="All is as it was before"):
        roll_out([server], ConfigFile(path), NAME, lambda _: {"stable": 5}, 30)

    assert fake.labels == {"stable": 3}
    assert fake.available() == {3}
    assert path.read_text() == FILE


def test_a_file_that_cannot_be_written_takes_the_labels_back(
    fake: FakeServer, server: ModelServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("schema.durable_files.os.fsync", fail)

    with pytest.raises(ReleaseError, match="cannot be written \\(No space left on device\\)"):
        roll_out([server], ConfigFile(path), NAME, lambda _: {"stable": 5}, 30)

    assert (fake.labels, fake.available()) == ({"stable": 3}, {3})
    assert path.read_text() == FILE


def test_an_interruption_is_taken_back(
    fake: FakeServer, server: ModelServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    fake.polls_to_load = 100
    monkeypatch.setattr("serving.release.rollout.time.sleep", interrupt)

    with pytest.raises(KeyboardInterrupt):
        roll_out([server], ConfigFile(path), NAME, lambda labels: with_canary(labels, 5), 30)

    assert (fake.labels, fake.available()) == ({"stable": 3}, {3})


def test_a_server_that_dies_is_named_with_what_to_do(fake: FakeServer, server: ModelServer, path: Path) -> None:
    fake.reload_faults = deque([None, *[grpc.StatusCode.UNAVAILABLE] * 99])

    with pytest.raises(ReleaseError) as raised:
        roll_out([server], ConfigFile(path), NAME, lambda _: {"stable": 5}, 5)

    assert raised.value.what == f"No server answers at {fake.address}. The configuration file is as it was."
    assert raised.value.reasons[-1] == (f"{fake.address} could not be put back: No server answers at {fake.address}.")
    assert "start the servers named anew" in raised.value.fix
    assert path.read_text() == FILE


def test_a_server_that_is_not_there_leaves_all_as_it_was(fake: FakeServer, server: ModelServer, path: Path) -> None:
    fake.stop()

    with pytest.raises(ServerUnavailableError):
        roll_out([server], ConfigFile(path), NAME, lambda _: {"stable": 5}, 5)

    assert path.read_text() == FILE


def test_a_fault_of_ours_is_taken_back_too(
    fake: FakeServer, server: ModelServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(ConfigFile, "replace", fail)

    with pytest.raises(RuntimeError, match="a fault"):
        roll_out([server], ConfigFile(path), NAME, lambda _: {"stable": 5}, 30)

    assert (fake.labels, fake.available()) == ({"stable": 3}, {3})


def test_all_servers_follow_or_none(fake: FakeServer, server: ModelServer, path: Path) -> None:
    with (
        FakeServer(on_disk={3, 5}, states={3: State.AVAILABLE}, labels={"stable": 3}) as second,
        ModelServer(second.address, NAME, 5.0, None) as other,
    ):
        roll_out([server, other], ConfigFile(path), NAME, lambda labels: with_canary(labels, 5), 30)
        assert fake.labels == second.labels == {"stable": 3, "canary": 5}

        second.reload_faults = deque([None, grpc.StatusCode.INTERNAL])
        with pytest.raises(ReleaseError):
            roll_out([server, other], ConfigFile(path), NAME, lambda labels: promoted(labels, None), 30)

    assert fake.labels == second.labels == {"stable": 3, "canary": 5}
    assert fake.available() == second.available() == {3, 5}
    assert released(path) == ({"stable": 3, "canary": 5}, [3, 5])


def test_a_refusal_in_the_answer_counts(server: ModelServer, fake: FakeServer) -> None:
    fake.reload_faults = deque([grpc.StatusCode.FAILED_PRECONDITION])

    with pytest.raises(ConfigRefusedError) as raised:
        server.reload(text_format.Parse(FILE, wire.ModelServerConfig()), 5)

    assert raised.value.reasons == ("as the test wants it",)


def test_a_survey_tells_where_server_and_file_differ(fake: FakeServer, server: ModelServer, path: Path) -> None:
    fake.states = {2: State.END, 3: State.AVAILABLE, 6: State.END}
    fake.labels = {}
    config = ConfigFile(path).read()

    assert survey(server, config, NAME) == [
        SurveyedVersion(6, "end the graph is damaged", (), ()),
        SurveyedVersion(3, "available", (), ("stable",)),
        SurveyedVersion(2, "end", (), ()),
    ]


VERSIONS = st.integers(0, 9)
LABELS = st.dictionaries(st.sampled_from(["stable", "canary", "previous", "shadow"]), VERSIONS)


@given(LABELS, VERSIONS)
def test_a_rollback_undoes_a_promotion(labels: dict[str, int], version: int) -> None:
    if "stable" not in labels or labels["stable"] == version:
        return
    after = promoted(labels, version)

    assert after["stable"] == version
    assert after["previous"] == labels["stable"]
    back = rolled_back(after)
    assert back["stable"] == labels["stable"]
    assert version not in back.values()
    assert "previous" not in back


@given(LABELS, VERSIONS)
def test_a_canary_moves_no_other_label(labels: dict[str, int], version: int) -> None:
    if "stable" in labels:
        assert with_canary(labels, version) == {**labels, "canary": version}
    else:
        with pytest.raises(ConfigurationError, match="no version is stable"):
            with_canary(labels, version)


def test_what_cannot_be_promoted_or_rolled_back() -> None:
    with pytest.raises(ConfigurationError, match="There is no canary to promote"):
        promoted({"stable": 3}, None)
    with pytest.raises(ConfigurationError, match="Version 3 is stable already"):
        promoted({"stable": 3, "canary": 3}, None)
    with pytest.raises(ConfigurationError, match="No former stable version is remembered"):
        rolled_back({"stable": 3})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nonsense {", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "holds no model_config_list"),
        (b"custom_model_config {}", "holds no model_config_list"),
        (b" " * (1024 * 1024 + 1), "has more than 1048576 bytes"),
    ],
)
def test_files_that_are_no_configuration(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=message):
        ConfigFile(path).read()


def test_the_shipped_configuration_can_be_released_with() -> None:
    shipped = ConfigFile(Path(__file__).parents[2] / "serving/deployment/tensorflow-serving/models.config").read()

    labels = model_in(shipped, NAME).version_labels
    assert promoted(labels, None)["stable"] == labels["canary"]


def test_a_model_that_the_file_lacks_is_named(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"holds 0 models named 'x'; it names {NAME}, other"):
        model_in(ConfigFile(path).read(), "x")


def test_a_file_that_somebody_else_changed_is_left_alone(path: Path) -> None:
    file = ConfigFile(path)
    before = file.read()
    path.write_text(FILE.replace("3", "4"))

    with pytest.raises(BreastImagingError, match="changed by somebody else"):
        file.replace(before, before)
    assert path.read_text() == FILE.replace("3", "4")


def test_a_file_keeps_its_mode_and_its_links(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    file = ConfigFile(link)
    before = file.read()

    file.replace(before, with_versions(before, NAME, {"stable": 4}, [4]))

    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert released(path) == ({"stable": 4}, [4])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "models.config"]


def test_the_command_from_canary_to_rollback(
    fake: FakeServer, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--address", fake.address, "--model-config-file", str(path)]

    assert run_app(["release", "canary", "5", *common]) == 0
    assert capsys.readouterr().out == "canary: 5\nstable: 3\n"
    assert run_app(["release", "promote", *common]) == 0
    assert capsys.readouterr().out == "canary: 5\nprevious: 3\nstable: 5\n"
    assert run_app(["release", "list", *common]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["5", "available", "canary,", "stable", "canary,", "stable"] in rows
    assert ["3", "available", "previous", "previous"] in rows
    assert run_app(["release", "rollback", *common]) == 0
    assert capsys.readouterr().out == "canary: 3\nstable: 3\n"
    assert run_app(["release", "rollback", *common]) == 4
    assert "No former stable version is remembered." in capsys.readouterr().err
    assert (fake.labels, fake.available()) == ({"stable": 3, "canary": 3}, {3})


def test_the_list_says_where_server_and_file_differ(
    fake: FakeServer, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.labels = {}

    assert run_app(["release", "list", "--address", fake.address, "--model-config-file", str(path)]) == 1
    assert "Servers and file differ." in capsys.readouterr().out


def test_a_command_that_fails_says_why(fake: FakeServer, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--address", fake.address, "--model-config-file"]

    assert run_app(["release", "canary", "6", *common, str(path)]) == 1
    assert "  - version 6: end (the graph is damaged)" in capsys.readouterr().err
    assert run_app(["release", "canary", "5", *common, f"{path}.gone"]) == 4
    assert "cannot be read" in capsys.readouterr().err
    fake.stop()
    assert run_app(["release", "canary", "5", *common, str(path)]) == 1
    assert f"No server answers at {fake.address}." in capsys.readouterr().err
