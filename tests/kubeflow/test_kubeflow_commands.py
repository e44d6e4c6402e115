"""`breast-imaging kubeflow` against the stand-in for the server, from the command line to the exit code."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow.client.arguments import read_arguments, typed_arguments
from kubeflow.client.compiled_file import read_compiled_file
from kubeflow.client.connection import Connection
from kubeflow.client.errors import UnavailableError
from kubeflow.client.runs import watch_run
from pipeline.cli.main import run_app
from schema.errors import ConfigurationError
from tests.kubeflow.mock_api import Handler, MockServer, drops, refuses

PARAMETERS = {
    "span": {"parameterType": "NUMBER_INTEGER", "defaultValue": 1},
    "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.1},
    "dry": {"parameterType": "BOOLEAN", "defaultValue": False},
    "site": {"parameterType": "STRING", "isOptional": True},
    "labels": {"parameterType": "LIST", "defaultValue": []},
    "extra": {"parameterType": "STRUCT", "defaultValue": {}},
}


def write_pipeline(path: Path, parameters: dict[str, Any] = PARAMETERS, name: str = "breast") -> Path:
    spec = {
        "pipelineInfo": {"name": name},
        "schemaVersion": "2.1.0",
        "root": {"inputDefinitions": {"parameters": parameters}, "dag": {"tasks": {}}},
    }
    path.write_text(yaml.safe_dump_all([spec, {"platforms": {"kubernetes": {}}}]))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "breast.yaml")


@pytest.fixture
def kubeflow(
    server: MockServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = run_app(["kubeflow", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


Command = Callable[..., tuple[int, str, str]]


def task(name: str, state: str, error: str | None = None) -> dict[str, Any]:
    return {"display_name": name, "state": state, **({"error": {"code": 1, "message": error}} if error else {})}


def test_the_same_bytes_become_a_version_once(server: MockServer, kubeflow: Command, file: Path) -> None:
    digest = read_compiled_file(file).sha256[:12]
    code, out, _ = kubeflow("upload", file)
    assert code == 0
    (version,) = server.versions.values()
    assert version["display_name"] == f"breast-{digest}"
    assert version["description"] == f"sha256:{read_compiled_file(file).sha256}"
    assert "pipeline_spec" in version["pipeline_spec"], "the second document, of the platform, went along"
    link = f"{server.url}/#/pipelines/details/pipeline-0001/version/{version['pipeline_version_id']}"
    assert out == f"Uploaded breast, version breast-{digest}\n{link}\n"

    code, out, _ = kubeflow("upload", file, "--version-name", "v2", "--json")
    assert (code, json.loads(out)["new"], json.loads(out)["version"]) == (0, False, f"breast-{digest}")
    write_pipeline(file, {})
    code, out, _ = kubeflow("upload", file, "--version-name", "v2", "--json")
    assert (code, json.loads(out)["new"]) == (0, True)
    assert json.loads(out)["version"] == f"v2-{read_compiled_file(file).sha256[:12]}"
    assert len(server.pipelines) == 1


def test_an_upload_that_was_cut_off_is_finished_by_the_next(
    server: MockServer, kubeflow: Command, file: Path
) -> None:
    server.fail("POST .*/upload_version", drops)
    code, _, err = kubeflow("upload", file)
    assert (code, len(server.pipelines), len(server.versions)) == (1, 1, 0)
    assert "the request may have been carried out" in err
    assert kubeflow("upload", file)[0] == 0
    assert (len(server.pipelines), len(server.versions)) == (1, 1)


@pytest.mark.parametrize("path", ["pipelines$", "upload_version"])
def test_two_uploads_at_once(server: MockServer, kubeflow: Command, file: Path, path: str) -> None:
    def rival(handler: Handler, work: Callable[[], None]) -> None:
        """Somebody else's upload of the same file comes first."""
        handler.send = lambda *answer, **headers: None  # type: ignore[method-assign]
        work()
        del handler.send  # type: ignore[method-assign]
        handler.refuse(409, "already exists")

    server.fail(f"POST .*/{path}", rival)
    assert kubeflow("upload", file)[0] == 0
    assert (len(server.pipelines), len(server.versions)) == (1, 1)


def test_a_pipeline_is_found_on_any_page(server: MockServer, kubeflow: Command, file: Path, tmp_path: Path) -> None:
    for number in range(5):
        assert kubeflow("upload", write_pipeline(tmp_path / "p.yaml", {f"p{number}": PARAMETERS["site"]}))[0] == 0
    server.page_size = 2
    first = next(iter(server.versions.values()))
    code, out, _ = kubeflow("run", "--pipeline", "breast", "--version", first["display_name"], "--no-wait", "--json")
    assert code == 0
    run = server.runs[json.loads(out)["run_id"]]
    assert run["pipeline_version_reference"]["pipeline_version_id"] == first["pipeline_version_id"]


def test_a_run_is_streamed_to_its_end(server: MockServer, kubeflow: Command, file: Path) -> None:
    kubeflow("upload", file)
    server.progress = [
        {"state": "RUNNING", "run_details": {"task_details": [task("root", "RUNNING"), task("Trainer", "PENDING")]}},
        {"run_details": {"task_details": [task("Trainer-driver", "SUCCEEDED"), task("Trainer", "RUNNING")]}},
        {"run_details": {"task_details": [task("Trainer", "RUNNING")]}},
        {"state": "SUCCEEDED", "run_details": {"task_details": [task("Trainer", "SUCCEEDED")]}},
    ]
    arguments = ["--param", "span=7", "--param", "site=a=b", "--interval", "0.05", "--experiment", "trial"]
    code, out, err = kubeflow("run", "--pipeline", "breast", *arguments)
    assert code == 0
    (run,) = server.runs.values()
    assert run["runtime_config"]["parameters"] == {"span": 7, "site": "a=b"}
    assert [each["display_name"] for each in server.experiments.values()] == ["trial"]
    states = [line.split(" ", 1)[1] for line in err.splitlines()[2:]]
    assert states == [
        "Trainer: PENDING",
        "run: RUNNING",
        "Trainer: RUNNING",
        "Trainer: SUCCEEDED",
        "run: SUCCEEDED",
    ]
    assert out.splitlines() == [
        "Trainer: SUCCEEDED",
        f"Run {run['run_id']}: SUCCEEDED",
        f"{server.url}/#/runs/details/{run['run_id']}",
    ]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_a_run_that_does_not_succeed(server: MockServer, kubeflow: Command, file: Path, state: str) -> None:
    tasks = [task("ImageExampleGen", "FAILED", "exit code 2")]
    server.progress = [
        {"state": state, "run_details": {"task_details": tasks}, "error": {"message": "1 task failed"}}
    ]
    code, out, _ = kubeflow("run", file, "--interval", "0.05", "--json")
    assert code == 1
    answer = json.loads(out)
    assert (answer["state"], answer["error"]) == (state, "1 task failed")
    assert answer["tasks"] == [{"name": "ImageExampleGen", "state": "FAILED", "error": "exit code 2"}]
    assert next(iter(server.runs.values()))["pipeline_spec"]["pipeline_spec"]["pipelineInfo"] == {"name": "breast"}
    assert server.versions == {}, "a file that is run is not uploaded"


def test_waiting_outlives_an_outage(
    server: MockServer, kubeflow: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubeflow.client.transport._LONGEST_PAUSE", 0.01)
    server.progress = [{"state": "RUNNING"}, {"state": "SUCCEEDED"}]
    server.fail("GET .*/runs/", refuses(429, Retry_After="0"), times=6)
    code, _, err = kubeflow("run", file, "--interval", "0.05")
    assert code == 0
    assert "server: GET" in err
    assert "the server is busy (429" in err


def test_waiting_ends_where_the_server_stays_away(
    server: MockServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubeflow.client.runs.LONGEST_OUTAGE", 0.0)
    server.fail("GET .*/runs/", refuses(503), times=99)
    with pytest.raises(UnavailableError):
        watch_run(connection, "r", 0.01, lambda name, state: None)


@pytest.mark.slow
def test_ctrl_c_leaves_the_run_running(server: MockServer, file: Path) -> None:
    command = (sys.executable, "-c", "from pipeline.cli.main import main; main()")
    child = subprocess.Popen(
        [*command, "kubeflow", "run", str(file), "--interval=0.05", f"--endpoint={server.url}"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert child.stderr
    for line in child.stderr:
        if "run: PENDING" in line:
            child.send_signal(signal.SIGINT)
            break
    rest = child.stderr.read()
    assert child.wait(60) == 1
    (run_id,) = server.runs
    assert f"Run {run_id} goes on." in rest
    assert f"breast-imaging kubeflow terminate {run_id}" in rest
    assert server.requests(":terminate") == []
    assert "Traceback" not in rest


def test_status_and_terminate(server: MockServer, kubeflow: Command, file: Path) -> None:
    kubeflow("upload", file)
    assert kubeflow("schedule", "--cron", "0 0 2 * * *", "--pipeline", "breast", "--param", "span=2")[0] == 0
    run_id = json.loads(kubeflow("run", "--pipeline", "breast", "--no-wait", "--json")[1])["run_id"]
    (schedule_id,) = server.recurring_runs
    server.runs[run_id].update(recurring_run_id=schedule_id, state="RUNNING")

    code, out, _ = kubeflow("status", "--json")
    status = json.loads(out)
    assert code == 0
    (schedule,) = status["schedules"]
    assert (schedule["name"], schedule["cron"], schedule["active"]) == ("breast", "0 0 2 * * *", True)
    assert schedule["arguments"] == {"span": 2}
    assert schedule["last_run"]["state"] == "RUNNING"
    assert schedule["link"] == f"{server.url}/#/recurringrun/details/{schedule_id}"
    assert [run["run_id"] for run in status["runs"]] == [run_id]
    assert status["runs"][0]["finished_at"] is None, "and not 1970"
    table = kubeflow("status")[1]
    assert "0 0 2 * * *" in table
    assert "RUNNING" in table
    assert f"breast: {server.url}/#/recurringrun/details/{schedule_id}\n" in table

    assert kubeflow("status", run_id)[1].splitlines()[0] == f"Run {run_id}: RUNNING"
    code, out, _ = kubeflow("terminate", run_id)
    assert (code, server.runs[run_id]["state"]) == (0, "CANCELING")
    code, _, err = kubeflow("status", "absent")
    assert (code, "knows no such thing (404: ResourceNotFoundError: absent not found.)" in err) == (4, True)
    code, _, err = kubeflow("status", "--experiment", "absent")
    assert (code, "The server has no experiment absent." in err) == (4, True)


def test_schedule_and_unschedule(server: MockServer, kubeflow: Command, file: Path) -> None:
    kubeflow("upload", file)
    code, out, _ = kubeflow("schedule", "--cron", "0 0 2 * * *", "--pipeline", "breast", "--json")
    assert (code, json.loads(out)["name"], json.loads(out)["active"]) == (0, "breast", True)
    code, _, err = kubeflow("schedule", "--cron", "0 2 * * *", "--pipeline", "breast")
    assert (code, "write `0 0 2 * * *`" in err) == (4, True)
    code, _, err = kubeflow("unschedule", "nightly")
    assert (code, err) == (4, "\nThere is no schedule nightly.\nWhat to do: those that there are: breast\n")
    assert kubeflow("unschedule", "breast")[0] == 0
    assert server.recurring_runs == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "either on the server or in a file"),
        (["run", "--pipeline", "absent"], "The server has no pipeline absent."),
        (["run", "--pipeline", "breast", "--version", "absent"], "The pipeline breast has no version absent."),
        (["run", "--pipeline", "breast", "--param", "span"], "--param span: it is not NAME=VALUE."),
        (["run", "--pipeline", "breast", "--param", "spam=1"], "spam: the pipeline has no such parameter"),
        (["status", "--port-forward", "--endpoint", "http://localhost"], "two ways to one server"),
        (["upload", "absent.yaml"], "absent.yaml cannot be read"),
        (["upload", "pipeline.json"], "pipeline.json is no .yaml file"),
        (["status", "--tls-ca", "absent.pem"], "absent.pem cannot be read"),
        (["status", "--limit", "0"], "--limit"),
    ],
)
def test_bad_usage_is_told(
    server: MockServer, kubeflow: Command, file: Path, arguments: list[str], message: str
) -> None:
    kubeflow("upload", file)
    code, _, err = kubeflow(*arguments)
    assert code == 4
    assert message in err
    assert server.runs == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a: [",
        b"- 1",
        b"pipelineInfo: {name: x}",
        b"schemaVersion: 2.1.0",
        b"\xff\xfe\x00",
        b"x: !!python/object:os",
        b"schemaVersion: 2.0.0\npipelineInfo: {name: x}",
        b"schemaVersion: 2.1.0\npipelineInfo: {name: 5}",
        b"schemaVersion: 2.1.0\npipelineInfo: {name: x}\nsurprise: 1",
        b"schemaVersion: 2.1.0\npipelineInfo: {name: x}\n---\n",
        b"schemaVersion: 2.1.0\npipelineInfo: {name: x}\n---\nsurprise: 1",
        b"x: 0000-00-00",
    ],
)
def test_what_is_no_compiled_pipeline(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bad\.yaml is "):
        read_compiled_file(path)


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeflow.client.compiled_file.LARGEST", 10)
    with pytest.raises(ConfigurationError, match="more than the 10 bytes"):
        read_compiled_file(write_pipeline(tmp_path / "large.yaml"))


def test_arguments_become_what_the_pipeline_declares(file: Path) -> None:
    texts = ["span=3", "rate=0.5", "dry=true", "site=", 'labels=["a"]', 'extra={"k": 1}']
    assert typed_arguments(read_compiled_file(file).spec, read_arguments(texts)) == {
        "span": 3,
        "rate": 0.5,
        "dry": True,
        "site": "",
        "labels": ["a"],
        "extra": {"k": 1},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("span=[[ScheduledTime]]", "a whole number"),
        ("rate=x", "a number"),
        ("dry=yes", "true or false"),
        ("labels={}", "a JSON list"),
        ("extra=[", "a JSON object"),
    ],
)
def test_arguments_of_another_type(file: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the pipeline takes {expected} here"):
        typed_arguments(read_compiled_file(file).spec, read_arguments([text]))


def test_arguments_that_are_missing_or_given_twice() -> None:
    with pytest.raises(ConfigurationError) as caught:
        typed_arguments({"root": {"inputDefinitions": {"parameters": {"a": {"parameterType": "STRING"}}}}}, {})
    assert caught.value.reasons == ("a: has no default, and no value is given",)
    with pytest.raises(ConfigurationError, match="given twice"):
        read_arguments(["a=1", "a=2"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_pipeline_or_a_message(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError):
        read_compiled_file(path)
