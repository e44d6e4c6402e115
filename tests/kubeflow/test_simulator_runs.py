"""Whole runs of pipelines of shell commands, each in a pod of its own."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubeflow.simulator.execution import Status
from kubeflow.simulator.simulate import Options, Outcome, failure, simulate
from schema.errors import ConfigurationError, DataRejectedError
from tests.packages import Unwatched, kubernetes, package, task, write

EXIT = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
CACHED = {"cachingOptions": {"enableCache": True}}


def run(
    folder: Path,
    *documents: dict[str, Any],
    parameters: tuple[str, ...] = (),
    use_cache: bool = True,
    retry: str = "",
) -> Outcome:
    return simulate(
        write(folder, *documents), folder / "work", Options(parameters, use_cache=use_cache, retry=retry), Unwatched()
    )


def statuses(outcome: Outcome) -> dict[str, str]:
    return {execution.task: str(execution.status) for execution in outcome.executions}


def log(outcome: Outcome, name: str) -> str:
    path = outcome.execution(name).log
    assert path is not None
    return path.read_text()


def test_what_a_task_writes_is_what_the_next_reads(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        package(
            {
                "make": task(
                    "mkdir {{$.outputs.artifacts['model'].path}};"
                    " echo weights > {{$.outputs.artifacts['model'].path}}/w;"
                    " echo 0.25 > {{$.outputs.parameters['auc'].output_file}}; echo not declared > /minio/other",
                    outputs=("model",),
                    output_parameters={"auc": "NUMBER_DOUBLE"},
                ),
                "read": task(
                    "cat {{$.inputs.artifacts['model'].path}}/w; echo auc {{$.inputs.parameters['auc']}}; ls /minio",
                    artifacts={"model": "make.model"},
                    parameters={"auc": "task:make.auc"},
                    types={"auc": "NUMBER_DOUBLE"},
                ),
            }
        ),
    )
    assert statuses(outcome) == {"make": "succeeded", "read": "succeeded"}
    assert log(outcome, "read") == "weights\nauc 0.25\nmlpipeline\n"
    assert (outcome.artifact("make", "model") / "w").read_text() == "weights\n"
    kept = outcome.execution("make").outputs.artifacts["model"].artifacts[0]
    assert kept.type.WhichOneof("kind") is None
    assert kept.name == "1"
    assert kept.uri.startswith("minio://mlpipeline/v2/artifacts/hand-made/")


def test_a_pod_is_read_only_has_no_root_and_none_of_this_machines_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of this machine")
    outcome = run(
        tmp_path,
        package(
            {
                "look": task(
                    f"id -u; cat {tmp_path}/secret || true; touch /etc/x || true; touch /x || true;"
                    " echo ${HOME:-none};"
                    " touch /tmp/a /mnt/volume/b; ls /mnt/volume",
                ),
                "again": task("ls /tmp | wc -l; ls /mnt/volume", after=("look",)),
            }
        ),
        kubernetes(
            {
                f"exec-{name}": {"pvcMount": [{"constant": "claim", "mountPath": "/mnt/volume"}]}
                for name in ("look", "again")
            }
        ),
    )
    printed = log(outcome, "look").splitlines()
    assert printed[0] == "1000"
    assert "No such file" in printed[1]
    assert "Read-only" in printed[2]
    assert "Read-only" in printed[3]
    assert printed[4:] == ["none", "b"]
    assert log(outcome, "again").splitlines()[-1] == "b"
    assert [path.name for path in (tmp_path / "work" / "volumes" / "claim").iterdir()] == ["b"]
    assert not list((tmp_path / "work" / "pods").iterdir())


def test_after_a_failure_only_the_exit_handler_runs_and_knows(tmp_path: Path) -> None:
    document = package(
        {
            "reject": task("echo because; exit 2"),
            "never": task("echo no", after=("reject",)),
            "unrelated": task("echo no"),
            "tell": task("echo '{{$.inputs.parameters['status']}}'", after=("reject",), triggerPolicy=EXIT),
        }
    )
    document["root"]["dag"]["tasks"]["tell"]["inputs"]["parameters"]["status"] = {
        "taskFinalStatus": {"producerTask": "reject"}
    }
    document["components"]["comp-tell"]["inputDefinitions"]["parameters"]["status"] = {
        "parameterType": "TASK_FINAL_STATUS"
    }
    outcome = run(tmp_path, document)
    assert statuses(outcome) == {"reject": "failed", "never": "skipped", "unrelated": "skipped", "tell": "succeeded"}
    status = json.loads(log(outcome, "tell"))
    assert (status["state"], status["pipelineTaskName"]) == ("FAILED", "reject")
    error = failure(outcome)
    assert isinstance(error, DataRejectedError)
    assert error.reasons == ("because",)
    assert "reject failed with exit code 2" in error.what


def test_a_condition_that_does_not_hold_skips_a_task_and_what_needs_it(tmp_path: Path) -> None:
    output = '{"artifacts": {"model": {"artifacts": [{"metadata": {"blessed": BLESSED}}]}}}'

    def judged(blessed: int) -> dict[str, str]:
        folder = tmp_path / str(blessed)
        folder.mkdir()
        condition = {"condition": "(inputs.artifacts['model'].artifacts[0].metadata['blessed'] == 1.0)"}
        written = output.replace("BLESSED", str(blessed))
        return statuses(
            run(
                folder,
                package(
                    {
                        "judge": task(
                            f"echo '{written}' > /tmp/kfp_outputs/output_metadata.json", outputs=("model",)
                        ),
                        "push": task("true", artifacts={"model": "judge.model"}, triggerPolicy=condition),
                        "report": task("true", after=("push",)),
                    }
                ),
            )
        )

    assert judged(1) == {"judge": "succeeded", "push": "succeeded", "report": "succeeded"}
    assert judged(0) == {"judge": "succeeded", "push": "skipped", "report": "skipped"}


def test_retries_start_from_a_fresh_pod(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        package(
            {
                "flaky": task(
                    "test ! -e /tmp/leftover || exit 9; touch /tmp/leftover; echo x >> /mnt/volume/tries;"
                    " test $(wc -l < /mnt/volume/tries) -ge 3",
                    retryPolicy={"maxRetryCount": 2},
                )
            }
        ),
        kubernetes({"exec-flaky": {"pvcMount": [{"constant": "claim", "mountPath": "/mnt/volume"}]}}),
    )
    assert statuses(outcome) == {"flaky": "succeeded"}
    assert outcome.execution("flaky").attempts == 3


def test_metadata_that_is_null_fails_as_the_launcher_does(tmp_path: Path) -> None:
    written = '{"artifacts": {"model": {"artifacts": [{"metadata": {"version": null}}]}}}'
    outcome = run(
        tmp_path,
        package({"make": task(f"echo '{written}' > /tmp/kfp_outputs/output_metadata.json", outputs=("model",))}),
    )
    assert outcome.execution("make").status is Status.FAILED
    assert outcome.execution("make").reason == (
        "unable to produce MLMD artifact for output 'model': the metadata version is null"
    )


def test_the_cache_is_keyed_as_the_backends(tmp_path: Path) -> None:
    def counted(number: str, use_cache: bool = True) -> dict[str, str]:
        document = package(
            {
                "data": task(
                    "echo data > {{$.outputs.artifacts['model'].path}}; echo {{$.inputs.parameters['n']}}",
                    outputs=("model",),
                    parameters={"n": "pipeline:n"},
                    **CACHED,
                ),
                "train": task("true", artifacts={"model": "data.model"}, **CACHED),
                "always": task("true"),
            },
            {"n": {"parameterType": "STRING"}},
        )
        return statuses(run(tmp_path, document, parameters=(f"n={number}",), use_cache=use_cache))

    done, cached = "succeeded", "cached"
    assert counted("1") == {"always": done, "data": done, "train": done}
    assert counted("1") == {"always": done, "data": cached, "train": cached}
    assert counted("2") == {"always": done, "data": done, "train": done}
    assert counted("1", use_cache=False) == {"always": done, "data": done, "train": done}


def test_a_run_that_failed_is_tried_again_without_what_was_done(tmp_path: Path) -> None:
    def document(last: str) -> tuple[dict[str, Any], dict[str, Any]]:
        tasks = {
            "data": task("echo data > {{$.outputs.artifacts['model'].path}}", outputs=("model",)),
            "train": task(
                f"cat {{{{$.inputs.artifacts['model'].path}}}}; {last}",
                artifacts={"model": "data.model"},
                parameters={"n": "pipeline:n"},
            ),
        }
        return package(tasks, {"n": {"parameterType": "STRING", "defaultValue": "1"}}), kubernetes({})

    failed = run(tmp_path, *document("exit 1"))
    assert statuses(failed) == {"data": "succeeded", "train": "failed"}
    again = run(tmp_path, *document("true"), retry=failed.run)
    assert statuses(again) == {"data": "kept", "train": "succeeded"}
    assert log(again, "train") == "data\n"
    assert again.run == failed.run
    for other in ({"retry": "unknown"}, {"retry": failed.run, "parameters": ("n=2",)}):
        with pytest.raises(ConfigurationError, match="There is no run"):
            run(tmp_path, *document("true"), **other)


def test_a_dag_within_the_dag_hands_its_outputs_on(tmp_path: Path) -> None:
    inner = package({"make": task("echo inner > {{$.outputs.artifacts['model'].path}}", outputs=("model",))})
    document = package({"read": task("cat {{$.inputs.artifacts['model'].path}}", artifacts={"model": "group.model"})})
    document["components"] |= inner["components"]
    document["deploymentSpec"]["executors"] |= inner["deploymentSpec"]["executors"]
    selector = {"producerSubtask": "make", "outputArtifactKey": "model"}
    document["components"]["comp-group"] = {
        "dag": {
            "tasks": inner["root"]["dag"]["tasks"],
            "outputs": {"artifacts": {"model": {"artifactSelectors": [selector]}}},
        },
        "outputDefinitions": inner["components"]["comp-make"]["outputDefinitions"],
    }
    document["root"]["dag"]["tasks"]["group"] = {
        "taskInfo": {"name": "group"},
        "componentRef": {"name": "comp-group"},
    }
    outcome = run(tmp_path, document)
    assert statuses(outcome) == {"group/make": "succeeded", "read": "succeeded"}
    assert log(outcome, "read") == "inner\n"


def test_defaults_of_a_component_reach_the_command(tmp_path: Path) -> None:
    outcome = run(
        tmp_path,
        package({"say": task("echo {{$.inputs.parameters['word']}}", defaults={"word": "default"})}),
    )
    assert log(outcome, "say") == "default\n"


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with (tmp_path / "work" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="Another simulation"):
            run(tmp_path, package({"say": task("true")}))


def test_ctrl_c_ends_what_the_task_has_started(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        package({"wait": task("echo $$ > /mnt/volume/started; sleep 600 & sleep 600")}),
        kubernetes({"exec-wait": {"pvcMount": [{"constant": "claim", "mountPath": "/mnt/volume"}]}}),
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from pipeline.cli.main import main; main()",
            "kubeflow",
            "simulate",
            str(file),
            "--work",
            str(tmp_path / "work"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    started = tmp_path / "work" / "volumes" / "claim" / "started"
    _wait(started.exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.strip() == "Interrupted."
    _wait(lambda: not _is_running(started))


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_running(started: Path) -> bool:
    """Whether the task's shell lives; namespaces do not number processes anew."""
    try:
        os.kill(int(started.read_text()), 0)
    except ProcessLookupError:
        return False
    return True
