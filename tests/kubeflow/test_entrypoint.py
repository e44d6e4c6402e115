"""The container command, with the file system of a pod below a folder; and that TFX's own fails there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.types import standard_artifacts

from components.artifacts import DatasetManifest, HtmlPage
from kubeflow import object_uris
from kubeflow.entrypoint import artifact_types, inputs, outputs
from kubeflow.entrypoint.execute import execute
from kubeflow.entrypoint.folders import use_writable_folders
from schema.errors import BreastImagingError, ConfigurationError

ROOT = "minio://mlpipeline/v2/artifacts/run"


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for `/minio/mlpipeline/v2/artifacts/run`."""
    monkeypatch.setitem(object_uris.MOUNTS, "minio://", f"{tmp_path}/minio/")
    monkeypatch.setattr(compiler_utils, "TITLE_TO_CLASS_PATH", dict(compiler_utils.TITLE_TO_CLASS_PATH))
    run = tmp_path / "minio" / "mlpipeline" / "v2" / "artifacts" / "run"
    (run / "manifest").mkdir(parents=True)
    (run / "manifest" / "manifest.csv").write_text("a.png")
    for name in ("html", "value"):
        (run / "out" / name).parent.mkdir(parents=True, exist_ok=True)
    return run


def schema(artifact_type: Any) -> dict[str, str]:
    text = compiler_utils.get_artifact_schema(artifact_type)
    return {"instanceSchema": text.decode() if isinstance(text, bytes) else text}


def invocation(folder: Path, mood: str = "write") -> dict[str, Any]:
    """What the backend hands over: typeless inputs, wrapped lists, an optional input that is not there."""
    metadata = {"kind": "images", "list": {"list": [1, 2]}, "display_name": "manifest", "store_session_info": "{}"}
    return {
        "inputs": {
            "parameterValues": {"mood": mood},
            "artifacts": {
                "manifest": {"artifacts": [{"name": "1", "uri": f"{ROOT}/manifest", "metadata": metadata}]},
                "baseline_model": {"artifacts": [{"name": "2", "uri": f"{ROOT}/nothing", "metadata": {}}]},
            },
        },
        "outputs": {
            "outputFile": str(folder / "tmp" / "kfp_outputs" / "output_metadata.json"),
            "artifacts": {
                "html": {"artifacts": [{"uri": f"{ROOT}/out/html", "type": schema(HtmlPage)}]},
                "value": {"artifacts": [{"uri": f"{ROOT}/out/value", "type": schema(standard_artifacts.Float)}]},
            },
        },
    }


def arguments(content: dict[str, Any]) -> list[str]:
    spec = {
        "parameters": {"mood": {"parameterType": "STRING"}},
        "artifacts": {
            "manifest": {"artifactType": schema(DatasetManifest)},
            "baseline_model": {"artifactType": schema(standard_artifacts.Model)},
        },
    }
    return [
        "--executor_class_path=tests.executors.PageWriter",
        f"--json_serialized_invocation_args={json.dumps(content)}",
        f"--json_serialized_inputs_spec_args={json.dumps(spec)}",
        "--direct_num_workers=1",
        "--runner=FnApiRunner",
    ]


def test_an_executor_runs_between_mirrored_folders(pod: Path, tmp_path: Path) -> None:
    content = invocation(tmp_path)
    assert execute(arguments(content)) == 0
    assert (pod / "out" / "html").read_text() == "a.png|manifest"
    assert float((pod / "out" / "value").read_text()) == 0.5
    written = json.loads(Path(content["outputs"]["outputFile"]).read_text())["artifacts"]
    html, value = written["html"]["artifacts"][0], written["value"]["artifacts"][0]
    assert html["uri"] == f"{ROOT}/out/html"
    assert value["uri"] == f"{ROOT}/out/value"
    assert html["metadata"]["kind"] == "images"
    assert html["metadata"]["list"] == [1.0, 2.0]
    assert html["metadata"]["workers"] == 2
    assert None not in html["metadata"].values()


def _typed(content: dict[str, Any]) -> None:
    content["inputs"]["artifacts"]["manifest"]["artifacts"][0]["type"] = schema(DatasetManifest)
    content["inputs"]["artifacts"]["baseline_model"]["artifacts"][0]["type"] = schema(standard_artifacts.Model)


def _registered(content: dict[str, Any]) -> None:
    _typed(content)
    artifact_types.register()


def _local(content: dict[str, Any]) -> None:
    _registered(content)
    for side in ("inputs", "outputs"):
        for found in content[side]["artifacts"].values():
            found["artifacts"][0]["uri"] = object_uris.local_path(found["artifacts"][0]["uri"])


@pytest.mark.parametrize(
    ("done", "failure"),
    [
        (lambda content: None, "NoneType|title|type"),
        (_typed, "HTML|DatasetManifest|import"),
        (_registered, "minio|No such file|manifest"),
        (_local, "No such file"),
    ],
    ids=["types", "our types", "paths", "folders"],
)
def test_tfxs_own_entrypoint_fails_without_each_of_them(
    pod: Path, tmp_path: Path, done: Callable[[dict[str, Any]], None], failure: str
) -> None:
    content = invocation(tmp_path)
    done(content)
    parsed = kubeflow_v2_run_executor._parse_flags(["", *arguments(content)])
    with pytest.raises(Exception, match=failure):
        kubeflow_v2_run_executor.main(parsed)


def test_a_failure_of_ours_ends_the_log_with_its_message_alone(
    pod: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(arguments(invocation(tmp_path, "refuse"))) == 2
    printed = capsys.readouterr().err
    assert printed.endswith("\nThe images are rejected.\n  - two\nWhat to do: correct them\n")
    assert "Traceback" not in printed


def test_any_other_failure_comes_with_its_traceback(
    pod: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(arguments(invocation(tmp_path, "crash"))) == 1
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "KeyError: 'no such thing'" in printed.splitlines()[-2]


def test_a_folder_with_a_span_is_refused(pod: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = invocation(tmp_path)
    content["inputs"]["parameterValues"]["input_base"] = "/mnt/data/span-{SPAN:2}"
    assert execute(arguments(content)) == 4
    assert "The parameter input_base has {SPAN:2} in it" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["/mnt/data/{fold}", "/mnt/SPAN"])
def test_other_braces_are_part_of_a_folder(value: str) -> None:
    message = json_format.ParseDict({"parameterValues": {"input_base": value}}, pb.ExecutorInput.Inputs())
    inputs.check_spans(message)


def test_a_type_that_the_backend_gave_is_left(pod: Path) -> None:
    given = json_format.ParseDict(
        {"artifacts": {"model": {"artifacts": [{"type": {"schemaTitle": "system.Model"}}]}}},
        pb.ExecutorInput.Inputs(),
    )
    inputs.fill_types(given, pb.ComponentInputsSpec())
    assert given.artifacts["model"].artifacts[0].type.schema_title == "system.Model"


def test_only_optional_inputs_that_are_empty_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "saved_model.pb").touch()
    (tmp_path / "empty").mkdir()
    uris = {"baseline_model": "empty", "base_model": "full", "previous": "nothing", "model": "nothing"}
    message = json_format.ParseDict(
        {"artifacts": {name: {"artifacts": [{"uri": str(tmp_path / uri)}]} for name, uri in uris.items()}},
        pb.ExecutorInput.Inputs(),
    )
    inputs.drop_empty(message)
    assert set(message.artifacts) == {"base_model", "model"}


def test_a_page_of_several_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "html").mkdir(exist_ok=True)
        (tmp_path / "html" / name).touch()
    with pytest.raises(BreastImagingError, match="html has 2 files"):
        outputs.make_one_object("html", tmp_path / "html")


def test_every_type_of_ours_is_known() -> None:
    artifact_types.register()
    assert compiler_utils.TITLE_TO_CLASS_PATH["system.HTML"] == "components.artifacts.HtmlPage"
    assert compiler_utils.TITLE_TO_CLASS_PATH["breast_imaging.RunReport"] == "components.artifacts.RunReport"


def test_a_home_that_cannot_be_written_to_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = {"HOME": "/proc"}
    use_writable_folders(environment)
    assert environment["HOME"] == str(tmp_path / "home")
    assert environment["XDG_CACHE_HOME"] == str(tmp_path / "home" / ".cache")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_home_that_can_be_written_to_is_kept(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    use_writable_folders(environment)
    assert environment == {"HOME": str(tmp_path)}


def test_without_any_writable_folder_there_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/proc"])
    with pytest.raises(ConfigurationError, match="no folder for temporary files"):
        use_writable_folders({})


def test_uris_of_the_three_stores_have_their_mounts() -> None:
    assert object_uris.local_path("s3://bucket/a") == "/s3/bucket/a"
    assert object_uris.local_path("gs://bucket/a") == "/gcs/bucket/a"
    assert object_uris.local_path("minio://bucket/a") == "/minio/bucket/a"
    assert object_uris.local_path("/mnt/data") == "/mnt/data"
