"""Metadata on a real server: whole runs, two teams at once, and a server that dies."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.metadata.prepare import prepare_metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.output import open_output
from schema.errors import ConfigurationError
from tests.certificates import Authority
from tests.mysql_server import MySqlServer, mysql_server
from tests.pipeline.conftest import published_versions

pytestmark = [pytest.mark.mysql, pytest.mark.timeout(1800)]

COMMAND = str(Path(sys.executable).with_name("breast-imaging"))
DEADLINE_SECONDS = 600
PASSWORD = "p4ss 'w\"örd"
TEXTS = {".log", ".html", ".json", ".md", ".yaml"}
VARIABLE = "TEST_METADATA_PASSWORD"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySqlServer]:
    with mysql_server(tmp_path_factory.mktemp("mysql")) as running:
        yield running


@pytest.fixture
def database(server: MySqlServer) -> str:
    """Empty, and of the user tfx alone."""
    quoted = PASSWORD.replace("'", "''")
    server.execute(
        "DROP DATABASE IF EXISTS mlmd",
        "DROP USER IF EXISTS tfx",
        "CREATE DATABASE mlmd",
        f"CREATE USER tfx IDENTIFIED BY '{quoted}'",
        "GRANT ALL ON mlmd.* TO tfx",
    )
    return "mlmd"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setenv("MYSQL_PWD", "")  # put back after the test
    yield


def settings(server: MySqlServer, **changes: object) -> MetadataSettings:
    own = {
        "backend": "mysql",
        "namespace": "team-a",
        "host": "localhost",
        "port": server.port,
        "database": "mlmd",
        "user": "tfx",
        "password_from": f"env:{VARIABLE}",
    }
    return MetadataSettings.model_validate(own | changes)


def refusal(settings: MetadataSettings, folder: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        prepare_metadata(settings, open_output(folder))
    assert PASSWORD not in str(caught.value)
    return caught.value


class Team:
    """Runs a configuration into a folder of its own."""

    def __init__(self, server: MySqlServer, name: str, configuration: Path, data: Path, root: Path) -> None:
        self.output = root / name
        self._arguments = ["run", "--config", str(configuration), "--data", str(data), "--output", str(self.output)]
        for override in ("train.epochs=1", "gate={minimum_auc: 0.0, minimum_recall: 0.0}"):
            self._arguments += ["--set", override]
        for key, value in settings(server, namespace=name).model_dump().items():
            self._arguments += ["--set", f"metadata.{key}={value!r}"]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self) -> subprocess.CompletedProcess[str]:
        return self.end(self.start())

    def end(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.fixture
def team_a(server: MySqlServer, database: str, configuration_file: Path, image_folder: Path, tmp_path: Path) -> Team:
    return Team(server, "team-a", configuration_file, image_folder, tmp_path)


@pytest.fixture
def team_b(server: MySqlServer, database: str, configuration_file: Path, image_folder: Path, tmp_path: Path) -> Team:
    return Team(server, "team-b", configuration_file, image_folder, tmp_path)


def steps(printed: str) -> dict[str, str]:
    """What is said of each step: seconds, or that its result was there."""
    return dict(re.findall(r"^ *([A-Z][A-Za-z]+) +(cached|done in [\d.]+ s)", printed, re.MULTILINE))


def test_a_wrong_password(
    server: MySqlServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "guess")
    error = refusal(settings(server), tmp_path)
    assert "cannot be used: Access denied for user 'tfx'@'localhost' (using password: YES)." in error.what
    assert error.fix.startswith("correct metadata.user and the password in metadata.password_from")


def test_a_database_that_is_not_there(server: MySqlServer, database: str, tmp_path: Path) -> None:
    server.execute("GRANT ALL ON absent.* TO tfx")
    error = refusal(settings(server, database="absent"), tmp_path)
    assert "cannot be used: Unknown database 'absent'." in error.what
    assert error.fix.startswith("CREATE DATABASE")


def test_a_database_that_the_user_may_not_use(server: MySqlServer, database: str, tmp_path: Path) -> None:
    error = refusal(settings(server, database="mysql"), tmp_path)
    assert "Access denied for user 'tfx'@'%' to database 'mysql'." in error.what


def test_a_user_who_may_only_read(server: MySqlServer, database: str, tmp_path: Path) -> None:
    server.execute("REVOKE ALL ON mlmd.* FROM tfx", "GRANT SELECT ON mlmd.* TO tfx")
    error = refusal(settings(server), tmp_path)
    assert "command denied to user 'tfx'@'localhost' for table `mlmd`" in error.what
    assert error.fix == "GRANT ALL ON the database TO the user"


@pytest.mark.parametrize(("version", "said"), [(9, "is older than library"), (11, "is greater than library")])
def test_a_schema_of_another_release(
    version: int, said: str, server: MySqlServer, database: str, tmp_path: Path
) -> None:
    prepare_metadata(settings(server), open_output(tmp_path))
    server.execute(f"UPDATE mlmd.MLMDEnv SET schema_version = {version}")
    error = refusal(settings(server), tmp_path)
    assert f"MLMD database version {version} {said} version 10." in error.what
    assert "take another database" in error.fix


def test_tables_of_something_else(server: MySqlServer, database: str, tmp_path: Path) -> None:
    server.execute("CREATE TABLE mlmd.Artifact (x INT)")
    error = refusal(settings(server), tmp_path)
    assert error.what.startswith("ML Metadata cannot use localhost:")
    assert error.fix == "take an empty database"


def test_a_server_that_asks_for_tls(server: MySqlServer, database: str, tmp_path: Path) -> None:
    server.execute("ALTER USER tfx REQUIRE SSL")
    assert "metadata.tls_ca" in refusal(settings(server), tmp_path).fix


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the certificate is checked, and the authority; then ML Metadata's client gets in, encrypted."""
    right, wrong = Authority(tmp_path / "right"), Authority(tmp_path / "wrong")
    host = right.sign("localhost")
    options = [f"--ssl-ca={right.certificate}", f"--ssl-cert={host.certificate}", f"--ssl-key={host.key}"]
    (tmp_path / "mysql").mkdir()
    with mysql_server(tmp_path / "mysql", options) as server:
        server.execute("CREATE DATABASE mlmd", "CREATE USER tfx IDENTIFIED BY 'x' REQUIRE SSL")
        server.execute("GRANT ALL ON mlmd.* TO tfx")
        monkeypatch.setenv(VARIABLE, "x")
        output = open_output(tmp_path / "out")

        prepare_metadata(settings(server, tls_ca=str(right.certificate)), output)
        for untrusted in (
            settings(server, tls_ca=str(wrong.certificate)),
            settings(server, tls_ca=str(right.certificate), host="127.0.0.1"),
        ):
            assert "CERTIFICATE_VERIFY_FAILED" in refusal(untrusted, tmp_path / "out").what
        assert "cannot be used" in refusal(settings(server, tls_ca="/no/such.pem"), tmp_path / "out").what


def test_two_teams_in_one_database(team_a: Team, team_b: Team, server: MySqlServer) -> None:
    """Both first runs at once, in a database without tables; neither sees, takes or forgets what is the other's."""
    running = team_a.start(), team_b.start()
    first = [team.end(process) for team, process in zip((team_a, team_b), running, strict=True)]
    assert [finished.returncode for finished in first] == [0, 0], [finished.stderr for finished in first]
    for finished, team in zip(first, (team_a, team_b), strict=True):
        assert "cached" not in steps(finished.stdout).values()
        assert len(published_versions(team.output)) == 1
        assert not (team.output / "metadata.sqlite").exists()

    for team in (team_a, team_b):
        again = team.run()
        assert again.returncode == 0, again.stderr
        said = steps(again.stdout)
        assert len(said) > 10
        assert {said[step] for step in ("ImageExampleGen", "Transform", "Trainer", "Pusher")} == {"cached"}
        assert len(published_versions(team.output)) == 1

    roots = server.execute("SELECT DISTINCT uri FROM mlmd.Artifact WHERE state = 4")
    assert roots == []  # nobody forgot anything
    for team in (team_a, team_b):
        told = [path.read_text(errors="replace") for path in team.output.rglob("*") if path.suffix in TEXTS]
        assert told
        assert not any(PASSWORD in text for text in told)
    stored = server.execute("SELECT COUNT(*) FROM mlmd.ExecutionProperty WHERE string_value LIKE '%p4ss%'")
    assert stored == [(0,)]


def test_a_server_that_dies_in_the_middle(team_a: Team, server: MySqlServer) -> None:
    process = team_a.start()
    _wait_for(team_a.output / "pipeline_root" / "Trainer", process)
    server.kill()
    failed = team_a.end(process)
    server.start()

    assert failed.returncode == 1
    assert "The metadata server is gone, or fails; what was published before is untouched." in failed.stderr
    assert published_versions(team_a.output) == []

    resumed = team_a.run()
    assert resumed.returncode == 0, resumed.stderr
    said = steps(resumed.stdout)
    assert {said[step] for step in ("ImageExampleGen", "StatisticsGen", "DataGate", "Transform")} == {"cached"}
    assert said["Trainer"] != "cached"
    assert len(published_versions(team_a.output)) == 1


def test_without_a_server_nothing_runs(team_a: Team, server: MySqlServer) -> None:
    server.kill()
    try:
        refused = team_a.run()
    finally:
        server.start()
    assert refused.returncode == 4
    assert "Can't connect to MySQL server on 'localhost'" in refused.stderr
    assert not (team_a.output / "pipeline_root").exists()


def _wait_for(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not folder.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.1)
