"""Retraining as a pipeline of one task: what is compiled, and a run of it as on a cluster."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from kubeflow.client.compiled_file import read_compiled_file
from kubeflow.package import Package, write_package
from kubeflow.retraining import execute, outputs
from kubeflow.retraining.compiler import compile_retraining
from kubeflow.simulator.checks import check_pipeline
from kubeflow.simulator.document import read_pipeline
from kubeflow.simulator.simulate import Options, Outcome, failure, simulate
from pipeline.cli.main import run_app
from pipeline.config import load_config, shipped_configs
from pipeline.retraining.folder import RetrainingFolder
from schema.errors import (
    EXIT_BAD_CONFIGURATION,
    EXIT_DATA_REJECTED,
    EXIT_FAILED,
    EXIT_NOT_BLESSED,
    EXIT_PUBLISHED,
    ConfigurationError,
)
from tests.packages import Unwatched
from tests.records import make_record
from tests.spans import CONFIGURATION, patients, write_span

IMAGE = f"registry.example/imaging/breast-imaging@sha256:{'a' * 64}"
CLASSES = ("data.labels=[benign, malignant]", "data.positive_label=malignant")


def _compile(*overrides: str) -> Package:
    return compile_retraining(load_config("synthetic", overrides), IMAGE)


def _executor(package: Package) -> dict[str, Any]:
    [executor] = json_format.MessageToDict(package.pipeline.deployment_spec)["executors"].values()
    container: dict[str, Any] = executor["container"]
    return container


def _mounts(package: Package) -> dict[str, str]:
    [executor] = json_format.MessageToDict(package.platform)["platforms"]["kubernetes"]["deploymentSpec"][
        "executors"
    ].values()
    return {mount["constant"]: mount["mountPath"] for mount in executor["pvcMount"]}


@pytest.mark.parametrize("name", shipped_configs())
def test_the_configuration_in_the_package_is_the_one_that_was_named(name: str, tmp_path: Path) -> None:
    config = load_config(name, CLASSES if name in {"csv", "image_folder", "split_folder"} else ())
    spec = compile_retraining(config, IMAGE).pipeline
    given = spec.root.dag.tasks["retraining"].inputs.parameters["configuration"].runtime_value.constant
    file = tmp_path / "configuration.yaml"
    file.write_text(given.string_value)

    assert load_config(str(file)) == config.model_copy(update={"beam": config.beam.model_copy(update={"workers": 2})})


def test_the_package_is_one_task_that_is_neither_cached_nor_repeated(tmp_path: Path) -> None:
    package = _compile("kubeflow.retry.attempts=5")

    assert list(package.pipeline.root.dag.tasks) == ["retraining"]
    task = package.pipeline.root.dag.tasks["retraining"]
    assert not task.caching_options.enable_cache
    assert not task.HasField("retry_policy")
    assert _executor(package)["image"] == IMAGE
    assert _executor(package)["command"] == ["python", "-m", "kubeflow.retraining"]


def test_client_and_simulator_take_the_file(tmp_path: Path) -> None:
    file = tmp_path / "retraining.yaml"
    write_package(_compile(), file)

    compiled = read_compiled_file(file)
    assert compiled.name == "breast-imaging-retraining"
    [(name, parameter)] = compiled.spec["root"]["inputDefinitions"]["parameters"].items()
    assert (name, parameter["defaultValue"]) == ("data_directory", "/mnt/data")
    check_pipeline(read_pipeline(file))


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        write_package(_compile(), tmp_path / name)

    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()


def test_models_are_published_to_the_volume_that_the_servers_watch() -> None:
    package = _compile("kubeflow.history={path: /mnt/years, claim: year}", "kubeflow.serving.claim=served")

    assert _mounts(package) == {"data": "/mnt/data", "year": "/mnt/years", "served": "/mnt/years/serving"}
    parameters = package.pipeline.root.dag.tasks["retraining"].inputs.parameters
    assert parameters["output_directory"].runtime_value.constant.string_value == "/mnt/years"


def test_the_task_gets_what_the_configuration_gives_it() -> None:
    package = _compile(
        "kubeflow.components={Retraining: {cpu: 6500m, memory: 48Gi, gpus: 1}}",
        "kubeflow.environment={PROXY: proxy.example}",
        "kubeflow.gpu.node_selector={accelerator: a100}",
        "kubeflow.secret_variables=[{secret: hook, keys: {HOOK: key}}]",
    )

    assert _executor(package)["resources"] == {
        "resourceCpuRequest": "6500m",
        "resourceCpuLimit": "6500m",
        "resourceMemoryRequest": "48Gi",
        "resourceMemoryLimit": "48Gi",
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
    }
    assert _executor(package)["env"] == [{"name": "PROXY", "value": "proxy.example"}]
    task = package.pipeline.root.dag.tasks["retraining"]
    configuration = task.inputs.parameters["configuration"].runtime_value.constant.string_value
    assert yaml.safe_load(configuration)["beam"] == {"runner": "local", "workers": 6}
    executors = package.platform.platforms["kubernetes"].deployment_spec.executors
    settings = json_format.MessageToDict(executors["exec-retraining"])
    assert settings["nodeSelector"] == {"labels": {"accelerator": "a100"}}
    assert settings["secretAsEnv"][0]["secretName"] == "hook"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("kubeflow.history.claim=''", "kubeflow.history: retraining keeps"),
        ("kubeflow.serving={path: gs://bucket/models, claim: ''}", "kubeflow.serving: retraining keeps"),
        ("kubeflow.volumes={weights: /mnt/history/serving}", "cannot be mounted at /mnt/history/serving"),
    ],
)
def test_what_has_no_volume_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        _compile(override)


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "retraining.yaml"
    options = ["--config", "synthetic", "--output", str(file)]

    assert run_app(["kubeflow", "compile-retraining", "--image", IMAGE, *options]) == EXIT_PUBLISHED
    assert capsys.readouterr().out == f"retraining by synthetic in {file}\n"
    write_package(_compile(), tmp_path / "expected.yaml")
    assert file.read_bytes() == (tmp_path / "expected.yaml").read_bytes()

    assert run_app(["kubeflow", "compile-retraining", "--image", "a/b:latest", *options]) == EXIT_BAD_CONFIGURATION


def test_figures_of_the_record_become_metrics() -> None:
    record = make_record(
        figures={"test_auc": 0.9}, incumbent_figures={"test_auc": 0.8}, images={"test": 30}, patients={"test": 10}
    )

    found = outputs.metrics(record)

    assert (found["action"], found["retraining"]) == (record.action, record.number)
    assert (found["test_auc"], found["incumbent_test_auc"]) == (0.9, 0.8)
    assert (found["test_images"], found["test_patients"]) == (30, 10)
    assert outputs.metrics(make_record(published_version=None)).keys().isdisjoint({"published_version"})


def test_without_a_page_the_figures_are_handed_over(tmp_path: Path) -> None:
    outputs.hand_over(make_record(), tmp_path / "absent.html", _outputs(tmp_path))

    written = json.loads((tmp_path / "outputs.json").read_text())["artifacts"]
    assert written["metrics"]["artifacts"][0]["metadata"]["retraining"] == make_record().number
    assert not (tmp_path / "history").exists()


def _given(folder: Path, data: Path) -> str:
    """What the launcher hands over."""
    given = pb.ExecutorInput(outputs=_outputs(folder))
    values = {
        "configuration": load_config("synthetic").to_yaml(),
        "data_directory": str(data),
        "output_directory": str(folder / "kept"),
    }
    for name, value in values.items():
        given.inputs.parameter_values[name].string_value = value
    return json_format.MessageToJson(given)


def _outputs(folder: Path) -> Any:
    outputs = pb.ExecutorInput.Outputs(output_file=str(folder / "outputs.json"))
    for name in ("history", "metrics"):
        outputs.artifacts[name].artifacts.add(name=name, uri=str(folder / name))
    return outputs


@pytest.mark.parametrize("action", ["skipped", "published", "rejected", "span_refused"])
def test_every_decision_ends_the_task_well_and_shows_the_page(
    action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = RetrainingFolder(tmp_path / "kept" / "retraining")
    kept.root.mkdir(parents=True)
    kept.page_file.write_text("<p>history</p>")

    def decide(config: str, data: Path, output: Path, conclude: Callable[..., int], **_: object) -> int:
        assert load_config(config) == load_config("synthetic")
        assert (data, output) == (tmp_path / "spans", tmp_path / "kept")
        return conclude(make_record(action=action), kept)

    monkeypatch.setattr(execute, "retrain", decide)

    assert execute.execute(_given(tmp_path, tmp_path / "spans")) == EXIT_PUBLISHED
    assert (tmp_path / "history").read_text() == "<p>history</p>"
    written = json.loads((tmp_path / "outputs.json").read_text())["artifacts"]
    assert written["metrics"]["artifacts"][0]["metadata"]["action"] == action


@pytest.mark.parametrize("exit_code", [EXIT_FAILED, EXIT_DATA_REJECTED, EXIT_NOT_BLESSED, EXIT_BAD_CONFIGURATION])
def test_a_failure_ends_the_task_with_its_exit_code(
    exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "retrain", lambda *_, **__: exit_code)

    assert execute.execute(_given(tmp_path, tmp_path)) == exit_code
    assert not (tmp_path / "outputs.json").exists()


def test_a_folder_that_is_not_there_fails_the_task_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        execute.execute(_given(tmp_path, tmp_path / "absent"))
    assert RetrainingFolder(tmp_path / "kept" / "retraining").history() == []


class Cluster:
    """A simulated one. Attributes: data, models, history: what lies on its volumes."""

    def __init__(self, root: Path) -> None:
        self.data, self.models, self.history = (root / name for name in ("data", "models", "history"))
        for folder in (self.data, self.models, self.history):
            folder.mkdir()
        configuration, self._file, self._work = root / "year.yaml", root / "retraining.yaml", root / "work"
        configuration.write_text(yaml.safe_dump(CONFIGURATION))
        overrides = ["train.epochs=2", "gate={minimum_auc: 0, minimum_recall: 0, maximum_auc_drop: 0.2}"]
        write_package(compile_retraining(load_config(str(configuration), overrides), IMAGE), self._file)

    def run(self, *parameters: str) -> Outcome:
        volumes = {"data": self.data, "models": self.models, "history": self.history}
        return simulate(self._file, self._work, Options(parameters, volumes), Unwatched())

    def actions(self) -> list[str]:
        return [record.action for record in RetrainingFolder(self.history / "retraining").history()]

    def versions(self) -> list[str]:
        return sorted(path.name for path in (self.models / "year").iterdir() if path.name.isdigit())


def _metrics(outcome: Outcome) -> dict[str, Any]:
    [artifact] = outcome.execution("retraining").outputs.artifacts["metrics"].artifacts
    found: dict[str, Any] = json_format.MessageToDict(artifact.metadata)
    return found


@pytest.mark.slow
def test_a_run_ends_well_after_a_decision_and_fails_where_there_is_none(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    write_span(cluster.data / "2026-01", patients(range(24)))
    write_span(cluster.data / "2026-02", patients(range(24, 30)))
    (cluster.data / "2026-02" / "benign" / "broken.png").write_bytes(b"no picture")

    first = cluster.run()

    assert failure(first) is None, str(failure(first))
    assert cluster.actions() == ["published"]
    found = _metrics(first)
    assert [str(int(found["published_version"]))] == cluster.versions()
    assert (found["action"], found["spans_new"], found["spans_refused"]) == ("published", 2.0, 1.0)
    assert not (cluster.history / "serving" / "year").exists()  # the models' volume was mounted there
    page = first.artifact("retraining", "history")
    assert page.read_bytes() == (cluster.history / "retraining" / "history.html").read_bytes()

    absent = failure(cluster.run("data_directory=/mnt/absent"))

    assert isinstance(absent, ConfigurationError)
    assert "The data folder /mnt/absent does not exist." in "\n".join(absent.reasons)
    assert cluster.actions() == ["published"]
    assert len(cluster.versions()) == 1
