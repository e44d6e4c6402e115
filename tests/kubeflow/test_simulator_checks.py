"""What the backend refuses is refused before anything runs, with the task and the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2

from kubeflow.simulator.checks import check_pipeline
from kubeflow.simulator.document import MAXIMUM_BYTES, CompiledPipeline, read_pipeline
from kubeflow.simulator.parameters import run_parameters
from kubeflow.simulator.volumes import check_volumes, claims
from schema.errors import ConfigurationError
from tests.packages import kubernetes, package, task, write

Change = Callable[[dict[str, Any]], Any]


def good() -> dict[str, Any]:
    return package(
        {
            "make": task("true", outputs=("model",), output_parameters={"auc": "NUMBER_DOUBLE"}),
            "use": task(
                "true", artifacts={"model": "make.model"}, parameters={"n": "pipeline:n", "auc": "task:make.auc"}
            ),
        },
        {"n": {"parameterType": "STRING"}},
    )


def read(folder: Path, *documents: dict[str, Any]) -> CompiledPipeline:
    return read_pipeline(write(folder, *documents))


def test_a_pipeline_without_fault_passes(tmp_path: Path) -> None:
    check_pipeline(read(tmp_path, good(), kubernetes({"exec-use": {}})))


def _use(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["root"]["dag"]["tasks"]["use"]
    return found


def _executor(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["deploymentSpec"]["executors"]
    return found


def _importer(uri: str, **fields: Any) -> Change:
    importer = {"artifactUri": {"constant": uri}, "typeSchema": {"schemaTitle": "system.Model"}, **fields}
    return lambda document: _executor(document).update({"exec-make": {"importer": importer}})


FAULTS: dict[str, tuple[Change, str]] = {
    "an old schema": (lambda d: d.update(schemaVersion="2.0.0"), "schemaVersion: it is 2.0.0"),
    "a name with _": (lambda d: d["pipelineInfo"].update(name="a_b"), "pipelineInfo.name: 'a_b'"),
    "a task name with _": (lambda d: d["root"]["dag"]["tasks"].update(a_b=_use(d)), "a_b: the name is not made of"),
    "a component with capitals": (
        lambda d: (
            d["components"].update(Make=d["components"]["comp-make"]),
            _use(d)["componentRef"].update(name="Make"),
        ),
        "use: the name of its component, 'Make'",
    ),
    "no task info": (lambda d: _use(d).pop("taskInfo"), "use: taskInfo.name is not there"),
    "a resolver": (
        lambda d: _executor(d).update({"exec-make": {"resolver": {}}}),
        "make: resolver executors not implemented",
    ),
    "a custom job": (
        lambda d: _executor(d).update({"exec-make": {"customJob": {"customJob": {}}}}),
        "make: custom job executors is Google Cloud only",
    ),
    "no executor": (lambda d: _executor(d).pop("exec-make"), "make: executor with label 'exec-make' not found"),
    "no component": (lambda d: d["components"].pop("comp-make"), "make: component spec for 'comp-make' not found"),
    "no image": (lambda d: _executor(d)["exec-use"]["container"].pop("image"), "use: its container has no image"),
    "no command": (
        lambda d: [_executor(d)["exec-use"]["container"].pop(key) for key in ("command", "args")],
        "use: command and arguments are empty",
    ),
    "a missing producer": (
        lambda d: _use(d)["inputs"]["artifacts"]["model"]["taskOutputArtifact"].update(producerTask="make_task"),
        "use: cannot find producer task 'make_task'",
    ),
    "a missing output": (
        lambda d: _use(d)["inputs"]["artifacts"]["model"]["taskOutputArtifact"].update(outputArtifactKey="other"),
        "use: artifact model: cannot find output artifact key 'other'",
    ),
    "a missing output parameter": (
        lambda d: _use(d)["inputs"]["parameters"]["auc"]["taskOutputParameter"].update(outputParameterKey="other"),
        "use: parameter auc: make has no output parameter 'other'",
    ),
    "a parameter the pipeline does not have": (
        lambda d: d["root"]["inputDefinitions"]["parameters"].clear(),
        "use: parameter n: parent DAG does not have input parameter n",
    ),
    "a runtime parameter in a value": (
        lambda d: _use(d)["inputs"]["parameters"].update(n={"runtimeValue": {"runtimeParameter": "n"}}),
        "use: parameter n: param runtime value spec other than a constant",
    ),
    "a parameter without value": (
        lambda d: _use(d)["inputs"]["parameters"].pop("n"),
        "use: neither value nor default value provided for non-optional parameter 'n'",
    ),
    "an output without type": (
        lambda d: d["components"]["comp-make"]["outputDefinitions"]["artifacts"]["model"].pop("artifactType"),
        "make: the output model has no type",
    ),
    "a circle": (lambda d: d["root"]["dag"]["tasks"]["make"].update(dependentTasks=["use"]), "wait for each other"),
    "a loop": (
        lambda d: _use(d).update(parameterIterator={"itemInput": "n", "items": {"raw": "[1]"}}),
        "use: loops are not simulated",
    ),
    "a condition in another language": (
        lambda d: _use(d).update(triggerPolicy={"condition": "open('x')"}),
        "use: the condition \"open('x')\" has something that is not simulated",
    ),
    "an importer of a path": (_importer("/mnt/schema"), "make: the URI '/mnt/schema' is of no object store"),
    "an importer of nothing": (_importer(""), "make: artifact uri not provided"),
    "an importer without type": (_importer("s3://a/b", typeSchema={}), "make: its importer has no type"),
    "nothing but an exit handler": (
        lambda d: [
            each.update(triggerPolicy={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"})
            for each in d["root"]["dag"]["tasks"].values()
        ],
        "root: it has no task but those that run at its end",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_task(tmp_path: Path, fault: str) -> None:
    change, reason = FAULTS[fault]
    document = good()
    change(document)
    with pytest.raises(ConfigurationError, match="would refuse this pipeline") as caught:
        check_pipeline(read(tmp_path, document))
    assert any(found.startswith(reason) or reason in found for found in caught.value.reasons), caught.value.reasons


def test_settings_of_an_executor_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_pipeline(read(tmp_path, good(), kubernetes({"exec-other": {}})))
    assert caught.value.reasons == (
        "platforms.kubernetes: it sets up exec-other, which is no executor of the pipeline",
    )


@pytest.mark.parametrize(
    ("mount", "reason"),
    [
        ({"constant": "data"}, "a volume is mounted at ''"),
        ({"constant": "data", "mountPath": "/"}, "a volume is mounted at '/'"),
        ({"mountPath": "/mnt/data"}, "the volume at /mnt/data has no claim"),
        ({"constant": "../data", "mountPath": "/mnt/data"}, "the volume at /mnt/data has no claim"),
        (
            {"taskOutputParameter": {"producerTask": "make"}, "mountPath": "/mnt/data"},
            "the volume at /mnt/data has no",
        ),
    ],
)
def test_volumes_that_cannot_be_mounted_are_refused(mount: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_volumes({"exec-use": {"pvcMount": [mount]}, "exec-make": {}}, {})
    [found] = caught.value.reasons
    assert found.startswith(f"exec-use: {reason}")


def test_a_claim_can_be_a_parameter() -> None:
    mount = {"pvcNameParameter": {"componentInputParameter": "claim"}, "mountPath": "/mnt/data"}
    parameters = {"claim": struct_pb2.Value(string_value="spans")}
    assert claims({"pvcMount": [mount]}, parameters) == {"/mnt/data": "spans"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "not valid YAML"),
        (b"- a", "not a compiled pipeline"),
        (b"", "not a compiled pipeline"),
        (b"pipelineInfo: 3", "not a compiled pipeline"),
        (b"unknownField: 3", "not a compiled pipeline"),
        (b"\xff\xfe\x00", "not UTF-8|not valid YAML"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_pipeline(file)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_pipeline(tmp_path / "none.yaml")
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    with pytest.raises(ConfigurationError, match="more than the 32 MiB"):
        read_pipeline(large)


def test_parameters_are_given_or_have_defaults(tmp_path: Path) -> None:
    declared = {
        "text": {"parameterType": "STRING"},
        "count": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3},
        "rate": {"parameterType": "NUMBER_DOUBLE"},
        "on": {"parameterType": "BOOLEAN", "isOptional": True},
        "labels": {"parameterType": "LIST"},
    }
    spec = read(tmp_path, package({"say": task("true")}, declared)).spec
    values = run_parameters(spec, ["text=a=b", "rate=1e-3", 'labels=["benign"]'])
    assert values["text"].string_value == "a=b"
    assert values["count"].number_value == 3
    assert values["rate"].number_value == 0.001
    assert values["on"].WhichOneof("kind") == "null_value"
    assert list(values["labels"].list_value) == ["benign"]


def test_every_parameter_at_fault_is_named(tmp_path: Path) -> None:
    declared = {"count": {"parameterType": "NUMBER_INTEGER"}, "rate": {"parameterType": "NUMBER_DOUBLE"}}
    spec = read(tmp_path, package({"say": task("true")}, declared)).spec
    with pytest.raises(ConfigurationError) as caught:
        run_parameters(spec, ["count=many", "rat=1", "novalue"])
    assert caught.value.reasons == (
        "--param novalue: there is no '='",
        "rat: the pipeline has no such parameter; did you mean 'rate'?",
        "count: 'many' is not NUMBER_INTEGER",
        "rate: it has neither a value nor a default (NUMBER_DOUBLE)",
    )
