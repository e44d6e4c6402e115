"""History in folders: what is found is the newest that fits, and nothing half written is ever found."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx.dsl.io import fileio
from tfx.types import artifact, standard_artifacts

from components.artifacts import DataGateReport, DatasetManifest
from components.history import accepted_data, component, files
from components.history.accepted_data import keep_report, latest_other_report
from components.publisher.checksums import checksums_of, write_checksums
from components.publisher.executor import PUSHED_PROPERTY, VERSION_PROPERTY
from schema import contract
from schema.errors import BreastImagingError
from tests.model_descriptions import write_description

LABELS = ("benign", "malignant")


def _manifest(folder: Path, content: str) -> str:
    folder.mkdir(parents=True)
    (folder / "manifest.csv").write_text(content)
    return str(folder)


def _report(folder: Path, content: str) -> str:
    folder.mkdir(parents=True)
    (folder / "gate.json").write_text(content)
    (folder / "train_statistics.pb").write_bytes(content.encode())
    return str(folder)


@given(kept=st.lists(st.sampled_from("abc"), max_size=6), at_hand=st.sampled_from("abcd"))
def test_data_are_compared_with_the_newest_other_ones(
    tmp_path_factory: pytest.TempPathFactory, kept: list[str], at_hand: str
) -> None:
    folder = tmp_path_factory.mktemp("history")
    manifests = {name: _manifest(folder / name, name) for name in "abcd"}
    for number, name in enumerate(kept):
        # The numbers have different lengths, so that their order is not that of the names.
        keep_report(_report(folder / f"report {number}", name), manifests[name], str(folder / "kept"), 9 + number)

    found = latest_other_report(manifests[at_hand], str(folder / "kept"))

    others = [name for name in kept if name != at_hand]
    assert (Path(found, "gate.json").read_text() if found else None) == (others[-1] if others else None)


@pytest.mark.parametrize("calls", range(4))
def test_a_crash_while_a_report_is_kept_leaves_the_one_before(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, at_hand = str(tmp_path / "kept"), _manifest(tmp_path / "now", "now")
    keep_report(_report(tmp_path / "first", "first"), _manifest(tmp_path / "a", "a"), history, 1)
    left = iter(range(calls))

    def crashing(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> None:
            if next(left, None) is None:
                raise OSError("killed")
            function(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for name in ("copy", "rename"):
            patched.setattr(files.fileio, name, crashing(getattr(fileio, name)))
        with pytest.raises(OSError, match="killed"):
            keep_report(_report(tmp_path / "second", "second"), _manifest(tmp_path / "b", "b"), history, 2)

    found = latest_other_report(at_hand, history)
    assert found is not None
    assert Path(found, "gate.json").read_text() == "first"


def test_what_lies_there_besides_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "kept" / "lost+found").mkdir(parents=True)
    (tmp_path / "kept" / f"12-{'a' * 64}").mkdir()  # without a report
    assert latest_other_report(_manifest(tmp_path / "now", "now"), str(tmp_path / "kept")) is None
    assert latest_other_report(_manifest(tmp_path / "x", "x"), str(tmp_path / "absent")) is None
    assert accepted_data.names_in(str(tmp_path / "absent")) == []


def _write_model(folder: Path, weights: str, labels: tuple[str, ...] = LABELS, positive: str = "malignant") -> None:
    write_description(folder, labels, positive)
    (folder / "saved_model.pb").write_text(weights)


def _publish(serving: Path, version: int, weights: str, **classes: Any) -> Path:
    folder = serving / "small" / str(version)
    _write_model(folder, weights, **classes)
    (folder / contract.EXTRA_ASSETS / "model_card.md").write_text(f"card of {version}")
    write_checksums(folder, checksums_of(folder))
    return folder


def _artifact(kind: type[artifact.Artifact], folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _run(node: Any, inputs: dict[str, Any], outputs: dict[str, Any], **parameters: str) -> None:
    """Runs a component as a container of a task would."""
    node.EXECUTOR_SPEC.executor_class().Do(
        {name: [each] for name, each in inputs.items()},
        {name: [each] for name, each in outputs.items()},
        parameters,
    )


def _model_parameters(serving: Path) -> dict[str, str]:
    return {
        "serving_directory": str(serving),
        "model_name": "small",
        "labels": json.dumps(LABELS),
        "positive_label": "malignant",
    }


@pytest.fixture
def candidate(tmp_path: Path) -> Any:
    made = _artifact(standard_artifacts.Model, tmp_path / "candidate")
    _write_model(tmp_path / "candidate" / "Format-Serving", "new")
    (tmp_path / "candidate" / "weights").mkdir()
    (tmp_path / "candidate" / "weights" / "members.npz").write_text("weights of new")
    return made


def _baseline(tmp_path: Path, candidate: Any) -> str | None:
    """The weights of the model that was found."""
    found = _artifact(standard_artifacts.Model, tmp_path / "found")
    node = component.LatestPublishedModel
    _run(node, {"candidate": candidate}, {"model": found}, **_model_parameters(tmp_path / "serving"))
    model = tmp_path / "found" / "Format-Serving" / "saved_model.pb"
    return model.read_text() if model.exists() else None


def test_without_a_published_model_there_is_no_baseline(tmp_path: Path, candidate: Any) -> None:
    assert _baseline(tmp_path, candidate) is None
    assert list((tmp_path / "found").iterdir()) == []


def test_the_baseline_is_the_newest_version(tmp_path: Path, candidate: Any) -> None:
    _publish(tmp_path / "serving", 9, "old")
    _publish(tmp_path / "serving", 10, "newer")

    assert _baseline(tmp_path, candidate) == "newer"


def test_a_candidate_that_was_published_before_is_not_compared_with_itself(tmp_path: Path, candidate: Any) -> None:
    _publish(tmp_path / "serving", 9, "old")
    _publish(tmp_path / "serving", 10, "new")  # with other cards

    assert _baseline(tmp_path, candidate) == "old"


@pytest.mark.parametrize(
    "classes", [{"labels": ("malignant", "benign")}, {"positive": "benign"}, {"labels": (*LABELS, "normal")}]
)
def test_a_model_of_other_classes_is_no_baseline(tmp_path: Path, candidate: Any, classes: dict[str, Any]) -> None:
    _publish(tmp_path / "serving", 9, "old")
    _publish(tmp_path / "serving", 10, "other", **classes)

    assert _baseline(tmp_path, candidate) == "old"


def test_a_version_that_is_not_whole_yet_is_passed_over(tmp_path: Path, candidate: Any) -> None:
    _publish(tmp_path / "serving", 9, "old")
    (_publish(tmp_path / "serving", 10, "coming") / contract.EXTRA_ASSETS / "SHA256SUMS").unlink()

    assert _baseline(tmp_path, candidate) == "old"


def test_a_version_that_was_changed_since_ends_the_run(tmp_path: Path, candidate: Any) -> None:
    (_publish(tmp_path / "serving", 10, "old") / "saved_model.pb").write_text("tampered with")

    with pytest.raises(BreastImagingError, match=r"Version 10 .* is not what was published"):
        _baseline(tmp_path, candidate)


def _keep_weights(tmp_path: Path, candidate: Any, pushed: int, version: str) -> None:
    result = _artifact(standard_artifacts.PushedModel, tmp_path / "pushed")
    result.set_int_custom_property(PUSHED_PROPERTY, pushed)
    result.set_string_custom_property(VERSION_PROPERTY, version)
    inputs = {"model": candidate, "pushed_model": result}
    _run(component.WeightsKeeper, inputs, {}, history_directory=str(tmp_path / "history"), model_name="small")


def _warm_start(tmp_path: Path) -> str | None:
    found = _artifact(standard_artifacts.Model, tmp_path / "start")
    parameters = _model_parameters(tmp_path / "serving") | {"history_directory": str(tmp_path / "history")}
    _run(component.LatestWeights, {}, {"model": found}, **parameters)
    weights = tmp_path / "start" / "weights" / "members.npz"
    assert weights.exists() == (tmp_path / "start" / "Format-Serving").exists()
    return weights.read_text() if weights.exists() else None


def test_a_training_starts_from_the_newest_published_model_whose_weights_were_kept(
    tmp_path: Path, candidate: Any
) -> None:
    _publish(tmp_path / "serving", 10, "new")
    _publish(tmp_path / "serving", 11, "published by hand")
    assert _warm_start(tmp_path) is None

    _keep_weights(tmp_path, candidate, 1, "10")
    assert _warm_start(tmp_path) == "weights of new"


def test_weights_of_what_was_not_published_are_not_kept(tmp_path: Path, candidate: Any) -> None:
    _keep_weights(tmp_path, candidate, 0, "")

    assert not (tmp_path / "history").exists()


def test_weights_of_the_newest_version_alone_stay(tmp_path: Path, candidate: Any) -> None:
    _keep_weights(tmp_path, candidate, 1, "9")
    _keep_weights(tmp_path, candidate, 1, "10")

    assert [path.name for path in (tmp_path / "history" / "weights" / "small").iterdir()] == ["10"]


def test_accepted_data_are_found_by_the_next_run(tmp_path: Path) -> None:
    history = {"history_directory": str(tmp_path / "history")}
    first = _artifact(DatasetManifest, tmp_path / "first")
    (tmp_path / "first" / "manifest.csv").write_text("first")
    report = _artifact(DataGateReport, tmp_path / "report")
    (tmp_path / "report" / "gate.json").write_text("accepted")
    (tmp_path / "report" / "train_statistics.pb").write_text("statistics")
    none, found = (_artifact(DataGateReport, tmp_path / name) for name in ("none", "found"))
    second = _artifact(DatasetManifest, tmp_path / "second")
    (tmp_path / "second" / "manifest.csv").write_text("second")

    _run(component.AcceptedDataKeeper, {"manifest": first, "report": report}, {}, **history)
    _run(component.LatestAcceptedData, {"manifest": first}, {"report": none}, **history)
    _run(component.LatestAcceptedData, {"manifest": second}, {"report": found}, **history)

    assert list((tmp_path / "none").iterdir()) == []
    assert {path.name: path.read_text() for path in (tmp_path / "found").iterdir()} == {
        "gate.json": "accepted",
        "train_statistics.pb": "statistics",
    }
