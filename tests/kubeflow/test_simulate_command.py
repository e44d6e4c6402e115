"""`breast-imaging kubeflow simulate`."""

import json
from pathlib import Path

import pytest

from kubeflow.simulator import pod
from pipeline.cli.main import run_app
from tests.packages import kubernetes, package, task, write

HTML = {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}


def simulate(folder: Path, *options: str) -> int:
    return run_app(["kubeflow", "simulate", str(folder / "pipeline.yaml"), "--work", str(folder / "work"), *options])


def test_a_run_ends_with_its_tasks_and_where_the_report_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = package(
        {
            "report": task(
                "echo '<p>{{$.inputs.parameters['who']}}</p>' > {{$.outputs.artifacts['html'].path}}",
                parameters={"who": "pipeline:who"},
                outputs=("html",),
            )
        },
        {"who": {"parameterType": "STRING"}},
    )
    document["components"]["comp-report"]["outputDefinitions"]["artifacts"]["html"]["artifactType"] = HTML
    write(tmp_path, document)
    assert simulate(tmp_path, "--param", "who=you") == 0
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if line.startswith("Report:"))
    page = Path(line.removeprefix("Report:").strip())
    assert page.read_text() == "<p>you</p>\n"
    assert "succeeded" in printed
    [record] = (tmp_path / "work" / "runs").glob("*/ended.json")
    [done] = json.loads(record.read_text())["tasks"]
    assert (done["task"], done["status"], done["attempts"]) == ("report", "succeeded", 1)
    assert done["artifacts"]["html"].endswith("/html")


def test_a_failure_ends_with_the_tail_of_its_log_and_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, package({"gate": task("for i in $(seq 100); do echo line $i; done; exit 3")}))
    assert simulate(tmp_path) == 3
    printed = capsys.readouterr().err
    assert "The task gate failed with exit code 3." in printed
    assert "line 100" in printed
    assert "line 60\n" not in printed
    assert "its log is" in printed


def test_a_command_that_is_not_there_is_a_failure_of_the_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = package({"start": task("")})
    document["deploymentSpec"]["executors"]["exec-start"]["container"]["command"] = ["no-such-program"]
    write(tmp_path, document)
    assert simulate(tmp_path) == 1
    assert "no-such-program" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--param", "n=1"), "n: the pipeline has no such parameter"),
        (("--volume", "data"), "--volume data: it names no claim"),
        (("--volume", "data=/no/such/folder"), "--volume data=/no/such/folder"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    write(tmp_path, package({"say": task("true")}))
    assert simulate(tmp_path, *options) == 4
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_folder_can_stand_for_a_volume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tmp_path / "images"
    images.mkdir()
    settings = {"secretAsEnv": [{"secretName": "s3"}]}
    mount = {"mountPath": "/mnt/data", "pvcNameParameter": {"runtimeValue": {"constant": "data"}}}
    write(
        tmp_path,
        package({"touch": task("touch /mnt/data/seen")}),
        kubernetes({"exec-touch": settings | {"pvcMount": [mount]}}),
    )
    assert simulate(tmp_path, "--volume", f"data={images}") == 0
    assert "Not simulated: secretAsEnv\n" in capsys.readouterr().out
    assert [path.name for path in images.iterdir()] == ["seen"]


def test_a_machine_without_namespaces_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod, "_UNSHARE", ("sh", "-c", "echo unshare failed: Operation not permitted; exit 1"))
    write(tmp_path, package({"say": task("true")}))
    assert simulate(tmp_path) == 4
    printed = capsys.readouterr().err
    assert "This machine cannot simulate a pod" in printed
    assert "Operation not permitted" in printed
    assert not (tmp_path / "work" / "logs").exists()
