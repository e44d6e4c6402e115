"""TFX's own command line against the stand-in for the server."""

from pathlib import Path

import pytest
import yaml

import kubeflow
from kubeflow.tfx_cli import run_tfx
from tests.kubeflow.mock_api import MockServer

RUNNER = Path(__file__).with_name("small_runner.py")
pytestmark = pytest.mark.slow  # TFX takes some seconds to import


@pytest.fixture
def endpoint(server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return f"--endpoint={server.url}"


def tfx(*arguments: str) -> int:
    return run_tfx([*arguments, "--engine=kubeflow"])


def test_compile_writes_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tfx("pipeline", "compile", f"--pipeline_path={RUNNER}") == 0
    assert yaml.safe_load((tmp_path / "pipeline.yaml").read_text())["pipelineInfo"]["name"] == "small"
    assert f"Pipeline package path: {tmp_path / 'pipeline.yaml'}" in capsys.readouterr().out

    monkeypatch.setenv("BREAST_IMAGING_OUTPUT", str(tmp_path / "elsewhere.yaml"))
    assert tfx("pipeline", "compile", f"--pipeline_path={RUNNER}") == 0
    assert (tmp_path / "elsewhere.yaml").read_bytes() == (tmp_path / "pipeline.yaml").read_bytes()


def test_pipelines_from_create_to_delete(
    server: MockServer, endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ("pipeline", "create", f"--pipeline_path={RUNNER}", endpoint)
    update = ("pipeline", "update", f"--pipeline_path={RUNNER}", endpoint)
    assert tfx(*update) == 4
    assert "The server has no pipeline small." in capsys.readouterr().err

    assert tfx(*create) == 0
    (first,) = server.versions.values()
    assert f'Pipeline "small" created successfully, version {first["display_name"]}.' in capsys.readouterr().out
    assert tfx(*create) == 1
    assert 'Pipeline "small" already exists.\nWhat to do: use `pipeline update`' in capsys.readouterr().err

    assert tfx(*update) == 0
    assert "is up to date" in capsys.readouterr().out
    monkeypatch.setenv("SMALL_IMAGE", "small:2")
    assert tfx(*update) == 0
    assert "updated successfully" in capsys.readouterr().out
    assert len(server.versions) == 2

    assert tfx("pipeline", "list", endpoint) == 0
    assert "| small         | pipeline-0001 |" in capsys.readouterr().out

    server.recurring_runs["r"] = {
        "recurring_run_id": "r",
        "display_name": "nightly",
        "status": "ENABLED",
        "created_at": "2026-01-01T00:00:00Z",
        "pipeline_version_reference": {"pipeline_id": "pipeline-0001"},
        "_namespace": "",
    }
    assert tfx("pipeline", "delete", "--pipeline_name=small", endpoint) == 1
    assert 'Pipeline "small" is what the schedule nightly runs.' in capsys.readouterr().err
    assert len(server.versions) == 2
    server.recurring_runs.clear()
    assert tfx("pipeline", "delete", "--pipeline_name=small", endpoint) == 0
    assert server.pipelines == {}
    assert server.versions == {}


def test_runs_from_create_to_delete(
    server: MockServer, endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tfx("pipeline", "create", f"--pipeline_path={RUNNER}", endpoint)
    run = ("run", "create", "--pipeline_name=small", endpoint)
    capsys.readouterr()
    assert tfx(*run, "--runtime_parameter=span=three") == 4
    assert "--param span=three: the pipeline takes a whole number here." in capsys.readouterr().err
    assert tfx(*run, "--runtime_parameter=span=3") == 0
    (run_id,) = server.runs
    assert server.runs[run_id]["runtime_config"]["parameters"] == {"span": 3}
    assert f"| {run_id} | PENDING |" in capsys.readouterr().out

    server.runs[run_id]["state"] = "RUNNING"
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
    assert tfx("run", "list", "--pipeline_name=small") == 0
    assert f"| {run_id} | RUNNING |" in capsys.readouterr().out
    assert tfx("run", "terminate", f"--run_id={run_id}") == 0
    assert tfx("run", "status", "--pipeline_name=small", f"--run_id={run_id}") == 0
    assert f"| {run_id} | CANCELING |" in capsys.readouterr().out
    assert tfx("run", "delete", f"--run_id={run_id}") == 0
    assert server.runs == {}
    assert tfx("run", "status", "--pipeline_name=small", f"--run_id={run_id}") == 4
    assert f"runs/{run_id}: the server knows no such thing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("pipeline", "list", "--engine=auto"), 4, "--engine=auto is not supported."),
        (("pipeline", "list", "--engine=airflow"), 4, "--engine=airflow is not supported."),
        (("pipeline", "list", "--engine=kubeflow"), 4, "No Kubeflow Pipelines server is named"),
        (("pipeline", "schema", "--engine=kubeflow", "--pipeline_name=x"), 4, "not read from the cluster"),
        (("pipeline", "compile", "--engine=kubeflow", "--pipeline_path=absent.py"), 1, "Invalid pipeline path"),
        (
            ("pipeline", "create", "--engine=kubeflow", f"--pipeline_path={RUNNER}", "--build-image"),
            4,
            "--build-image is not supported.",
        ),
        (("pipeline", "list", "--engine=kubeflow", "--iap-client-id=x"), 4, "--iap-client-id is not supported."),
        (
            ("run", "create", "--engine=kubeflow", "--pipeline_name=x", "--runtime_parameter=3"),
            1,
            "Runtime parameter should be <name>=<value> format.",
        ),
        (("run", "create", "--engine=kubeflow"), 4, "--pipeline_name"),
    ],
)
def test_what_does_not_work_ends_in_one_message(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    assert run_tfx(arguments) == code
    assert message in capsys.readouterr().err


def test_the_local_engine_works_through_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_tfx(["pipeline", "list", "--engine=local"]) == 0
    assert "No pipelines to display." in capsys.readouterr().out
    assert run_tfx(["run", "create", "--engine=local", "--pipeline_name=absent"]) == 1
    assert 'Pipeline "absent" does not exist.' in capsys.readouterr().err


def test_the_pipeline_of_this_project_is_created_and_run(
    server: MockServer, endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Path(kubeflow.__path__[0]) / "kubeflow_runner.py"
    create = ("pipeline", "create", f"--pipeline_path={runner}", endpoint)
    monkeypatch.delenv("BREAST_IMAGING_IMAGE", raising=False)
    assert tfx(*create) == 4
    assert "No image is named." in capsys.readouterr().err
    assert server.pipelines == {}

    monkeypatch.setenv("BREAST_IMAGING_IMAGE", f"registry.local/breast-imaging@sha256:{'0' * 64}")
    assert tfx(*create) == 0
    (version,) = server.versions.values()
    spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
    assert spec["pipelineInfo"]["name"] == "breast-imaging"
    run = ("run", "create", "--pipeline_name=breast-imaging", endpoint)
    assert tfx(*run, "--runtime_parameter=data_directory=/mnt/data/span-2") == 0
    assert next(iter(server.runs.values()))["runtime_config"]["parameters"] == {"data_directory": "/mnt/data/span-2"}
