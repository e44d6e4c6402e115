"""The whole graph on one machine: what is published, what is cached, and where the gates close."""

import csv
import errno
import hashlib
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.run_without_tfx import Script
from components.trainer import export, phases
from pipeline import graph
from pipeline.config import load_config
from pipeline.failures import explain
from pipeline.local import evaluate_locally
from pipeline.output import open_output
from schema.errors import EXIT_DATA_REJECTED
from tests.pipeline.conftest import (
    BRIGHT,
    IMAGES_PER_PATIENT,
    PATIENTS_PER_CLASS,
    Outcome,
    Runner,
    published_versions,
    write_images,
)
from tests.report import Page

# Resolvers are no executions that could be cached; they look anew each time.
ALWAYS = ["LatestAcceptedData", "LatestBlessedModel"]
COMPONENTS = [
    "ImageExampleGen",
    "ImportSchemaGen",
    "StatisticsGen",
    "ExampleValidator",
    "DataGate",
    "Transform",
    "Trainer",
    "Evaluator",
    "ClinicalEvaluator",
    "CardWriter",
    "Pusher",
    "RunReport",
]


@pytest.fixture(scope="module")
def first(
    configuration_file: Path, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Runner, Outcome]:
    runner = Runner(configuration_file, tmp_path_factory.mktemp("first"))
    return runner, runner.run(image_folder)


@pytest.fixture(scope="module")
def second(
    configuration_file: Path, image_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Runner, OSError, Outcome]:
    """The same run elsewhere, where the disk fills up while the model is written, and its repetition."""
    runner = Runner(configuration_file, tmp_path_factory.mktemp("second"))

    def full_disk(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_write_extras", full_disk)
        with pytest.raises(OSError, match="No space left") as caught:
            runner.run(image_folder)
    assert runner.versions() == []
    return runner, caught.value, runner.run(image_folder)


def test_first_run_executes_everything_and_publishes(first: tuple[Runner, Outcome]) -> None:
    runner, outcome = first
    assert sorted(outcome.executed) == sorted(COMPONENTS + ALWAYS)
    assert outcome.executed.index("DataGate") < outcome.executed.index("Transform")
    assert outcome.blessed is True
    assert outcome.versions == [outcome.published]
    assert outcome.summary["publication"]["path"] == str(runner.output / "serving" / "small" / outcome.versions[0])
    assert outcome.baseline is None


@pytest.mark.slow
def test_script_without_tfx_does_the_same_work(
    first: tuple[Runner, Outcome],
    configuration_file: Path,
    image_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["script"])  # which executors of TFX read
    script = Script(load_config(str(configuration_file)), str(image_folder), tmp_path / "script")
    script.run()
    assert list(script.seconds) == COMPONENTS
    summary, of_run = json.loads((script.root / "report" / "summary.json").read_text()), dict(first[1].summary)
    for of_this_run_alone in ("created", "lineage", "publication"):
        assert summary.pop(of_this_run_alone) != of_run.pop(of_this_run_alone)
    assert summary == of_run
    assert len(published_versions(script.root)) == 1


def test_counts_in_the_report_are_those_of_the_folder(first: tuple[Runner, Outcome]) -> None:
    splits = {split["split"]: split for split in first[1].summary["data"]["splits"]}
    assert list(splits) == ["train", "eval", "test"]
    for label in ("benign", "malignant"):
        images = sum(split["images"][label] for split in splits.values())
        assert images == PATIENTS_PER_CLASS * IMAGES_PER_PATIENT
        assert splits["test"]["images"][label] == 9  # three of twenty patients
    assert sum(split["groups"] for split in splits.values()) == 2 * PATIENTS_PER_CLASS


def test_manifest_names_every_image_with_its_checksum_and_no_group_twice(
    first: tuple[Runner, Outcome], image_folder: Path
) -> None:
    (path,) = first[0].output.glob("pipeline_root/ImageExampleGen/manifest/*/manifest.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * PATIENTS_PER_CLASS * IMAGES_PER_PATIENT
    for row in rows:
        assert row["sha256"] == hashlib.sha256((image_folder / row["source"]).read_bytes()).hexdigest()
    splits_of_group = Counter(group for group, _ in {(row["group"], row["split"]) for row in rows})
    assert set(splits_of_group.values()) == {1}


def test_confusion_matrix_adds_up_to_the_test_split_and_gives_the_gated_recall(first: tuple[Runner, Outcome]) -> None:
    outcome = first[1]
    confusion = outcome.summary["clinical"]["operating_point"]["confusion"]
    test = next(split for split in outcome.summary["data"]["splits"] if split["split"] == "test")
    assert [sum(row) for row in confusion] == [test["images"]["benign"], test["images"]["malignant"]]
    assert outcome.measured("recall") == pytest.approx(confusion[1][1] / sum(confusion[1]))


def test_only_train_and_eval_reach_the_trainer(first: tuple[Runner, Outcome]) -> None:
    (folder,) = first[0].output.glob("pipeline_root/Transform/transformed_examples/*")
    assert sorted(path.name for path in folder.iterdir()) == ["Split-eval", "Split-train"]


def test_unchanged_rerun_is_fully_cached_and_publishes_nothing_new(
    first: tuple[Runner, Outcome], image_folder: Path
) -> None:
    runner, outcome = first
    again = runner.run(image_folder)
    assert sorted(again.executed) == ALWAYS
    assert sorted(again.cached) == sorted(COMPONENTS)
    assert again.versions == outcome.versions
    assert again.summary == outcome.summary


@pytest.mark.parametrize("metric", ["auc", "recall"])
def test_value_gate_closes_just_above_the_measured_metric(
    first: tuple[Runner, Outcome], image_folder: Path, metric: str
) -> None:
    runner, outcome = first
    measured = outcome.measured(metric)
    assert 0.0 < measured < 1.0, "the data are made so that no model is perfect"
    before = runner.versions()

    refused = runner.run(image_folder, f"gate.minimum_{metric}={math.nextafter(measured, 1.0) + 1e-9!r}")
    assert refused.blessed is False
    assert refused.published is None
    assert [check["metric"] for check in refused.checks if not check["passed"]] == [metric]
    assert refused.versions == before
    assert "Trainer" in refused.cached, "a changed threshold does not train anew"

    passed = runner.run(image_folder, f"gate.minimum_{metric}={measured - 1e-9!r}")
    assert passed.blessed is True
    assert passed.published == max(passed.versions)
    assert len(passed.versions) == len(before) + 1


def test_the_clinical_evaluation_saw_the_answers_that_the_gate_saw(first: tuple[Runner, Outcome]) -> None:
    runner, outcome = first
    clinical, point = outcome.summary["clinical"], outcome.summary["clinical"]["operating_point"]
    # TFMA sums over 10,000 thresholds.
    assert clinical["discrimination"]["auc"]["value"] == pytest.approx(outcome.measured("auc"), abs=1e-3)
    assert point["recall"]["figure"]["value"] == pytest.approx(outcome.measured("recall"))
    (training,) = runner.output.glob("pipeline_root/Trainer/model_run/*/training.json")
    assert point["threshold"] == pytest.approx(json.loads(training.read_text())["threshold"])
    assert clinical["cohort"] == {
        "images": {"benign": 9, "malignant": 9},
        "groups": 6,
        "positive_groups": 3,
        "negative_groups": 3,
    }
    assert clinical["splits"] == ["test"]
    verdict = clinical["verdict"]
    assert (verdict["blessed"], verdict["certified"]) == (True, False)


def test_the_report_holds_what_the_evaluation_saw(first: tuple[Runner, Outcome]) -> None:
    runner, outcome = first
    summary = outcome.summary
    (cleared, alarms), (missed, hits) = summary["clinical"]["operating_point"]["confusion"]
    threshold = summary["clinical"]["operating_point"]["threshold"]
    (frozen,) = (point for point in summary["curve"] if point["threshold"] == threshold)
    assert (frozen["true_positives"], frozen["false_negatives"]) == (hits, missed)
    assert (frozen["false_positives"], frozen["true_negatives"]) == (alarms, cleared)

    errors, _, *correct = summary["image_groups"]
    assert len(errors["images"]) == min(8, alarms + missed)
    assert all(image["label"] != image["decided"] for image in errors["images"])
    assert [kind["title"] for kind in correct] == ["Correct: benign", "Correct: malignant"]
    assert all(image["label"] == image["decided"] for kind in correct for image in kind["images"])
    samples = summary["data"]["samples"]
    assert [sample["label"] for sample in samples] == ["benign"] * 6 + ["malignant"] * 6

    page = Page((runner.output / "report" / "index.html").read_text())
    pairs = summary["data"]["pairs"]
    tested = [image for kind in summary["image_groups"] for image in kind["images"]]
    pictures = [image["src"] for image in page.named("img")]
    assert len(pictures) == len(samples) + 2 * len(tested) + 2 * len(pairs), "of those tested with a heat map each"
    assert all(picture and picture.startswith("data:image/png;base64,") for picture in pictures)
    assert summary["lineage"]["code hash (SHA-256)"] == graph.code_fingerprint("RunReport")


def test_an_evaluation_of_the_published_model_has_a_page_too(
    first: tuple[Runner, Outcome], image_folder: Path, tmp_path: Path
) -> None:
    runner, outcome = first
    output = open_output(tmp_path / "evaluation")

    evaluate_locally(
        load_config(str(runner.configuration_file), []), image_folder, output, runner.output / "serving" / "small"
    )

    summary = json.loads((output.report / "summary.json").read_text())
    assert (summary["training"], summary["gate"], summary["publication"]) == (None, None, None)
    assert summary["clinical"]["splits"] == ["train", "eval", "test"]
    assert summary["clinical"]["cohort"]["groups"] == 2 * PATIENTS_PER_CLASS
    frozen = outcome.summary["clinical"]["operating_point"]["threshold"]
    assert summary["clinical"]["operating_point"]["threshold"] == pytest.approx(frozen)
    headings = [heading["id"] for heading in Page((output.report / "index.html").read_text()).named("h2")]
    assert headings[:2] == ["verdict", "metrics"]
    assert not {"gate", "training"} & set(headings)


@pytest.mark.parametrize("name", ["minimum_auc", "minimum_recall"])
def test_clinical_gate_closes_just_above_the_lower_bound(
    first: tuple[Runner, Outcome], image_folder: Path, name: str
) -> None:
    runner, outcome = first
    lows = {criterion["name"]: criterion["low"] for criterion in outcome.summary["clinical"]["verdict"]["criteria"]}
    before = runner.versions()
    asked = ("clinical.certify=true", "clinical.minimum_auc=0", "clinical.minimum_recall=0")

    refused = runner.run(image_folder, *asked, f"clinical.{name}={math.nextafter(lows[name], 1.0)!r}")
    assert refused.blessed is False
    assert all(check["passed"] for check in refused.checks), "TFMA's gate has nothing against it"
    failed = [each for each in refused.summary["clinical"]["verdict"]["criteria"] if not each["passed"]]
    assert [each["name"] for each in failed] == [name]
    assert refused.published is None
    assert refused.versions == before
    assert {"Trainer", "Evaluator"} <= set(refused.cached), "a changed bound neither trains nor asks TFMA anew"

    passed = runner.run(image_folder, *asked, f"clinical.{name}={lows[name]!r}")
    assert passed.summary["clinical"]["verdict"]["certified"] is True
    assert passed.published == max(passed.versions)
    assert len(passed.versions) == len(before) + 1


@pytest.mark.slow
def test_change_gate_refuses_a_worse_model_and_lets_it_pass_when_allowed(
    second: tuple[Runner, OSError, Outcome], image_folder: Path
) -> None:
    runner, _, good = second
    # Nearly untrained, and allowed by the value thresholds, so that only the comparison can refuse it.
    worse = ("train.epochs=1", "train.learning_rate=1e-7", "gate.minimum_auc=0", "gate.minimum_recall=0")

    refused = runner.run(image_folder, *worse, "gate.maximum_auc_drop=0.02", "gate.maximum_recall_drop=1")
    changes = {check["metric"]: check for check in refused.checks if check["kind"] == "change"}
    assert refused.baseline is not None
    drop = good.measured("auc") - refused.measured("auc")
    assert drop > 0.02, "the data are made so that training helps"
    assert changes["auc"]["observed"] == pytest.approx(-drop)
    assert changes["auc"]["passed"] is False
    assert refused.blessed is False
    assert refused.versions == good.versions

    passed = runner.run(image_folder, *worse, "gate.maximum_auc_drop=1", "gate.maximum_recall_drop=1")
    assert passed.blessed is True
    assert len(passed.versions) == 2


def test_failed_component_loses_nothing_and_a_rerun_carries_on(second: tuple[Runner, OSError, Outcome]) -> None:
    _, error, outcome = second
    assert "The disk is full" in str(explain(error))
    assert sorted(outcome.cached) == sorted(COMPONENTS[: COMPONENTS.index("Trainer")])
    assert outcome.blessed is True


def test_same_configuration_and_data_give_the_same_model_elsewhere(
    first: tuple[Runner, Outcome], second: tuple[Runner, OSError, Outcome]
) -> None:
    expected, other = first[1], second[2]
    for metric in ("auc", "recall"):
        assert other.measured(metric) == pytest.approx(expected.measured(metric), abs=1e-6)
    point, other_point = (each.summary["clinical"]["operating_point"] for each in (expected, other))
    assert other_point["threshold"] == pytest.approx(point["threshold"], abs=1e-6)
    assert other_point["confusion"] == point["confusion"]


class _StopError(Exception):
    """Ends a run before the Trainer's long work."""


@pytest.fixture
def stopping_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> None:
        raise _StopError

    monkeypatch.setattr(phases, "fit", stop)


@pytest.mark.parametrize(
    ("step", "cached"),
    [("DataGate", ["Transform"]), ("Transform", ["DataGate"]), ("Trainer", ["DataGate", "Transform"])],
)
def test_changed_code_of_a_step_is_never_served_from_the_cache(
    first: tuple[Runner, Outcome],
    image_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    stopping_trainer: None,
    step: str,
    cached: list[str],
) -> None:
    runner, _ = first
    original: Callable[[str], str] = graph.code_fingerprint
    monkeypatch.setattr(graph, "code_fingerprint", lambda name: original(name) + ("x" if name == step else ""))

    if step == "DataGate":
        runner.run(image_folder)
    else:
        with pytest.raises(_StopError):
            runner.run(image_folder)

    finished = runner.finished()
    assert finished.get(step, False) is False
    assert {name for name, from_cache in finished.items() if from_cache} >= {"ImageExampleGen", *cached}


def test_changed_data_are_read_again_refused_and_when_mended_taken_from_the_cache(
    first: tuple[Runner, Outcome], image_folder: Path
) -> None:
    runner, _ = first
    before = runner.versions()
    original, copy = (image_folder / f"{path} 03 (0).png" for path in ("benign/patient", "malignant/patient"))
    status, content = copy.stat(), copy.read_bytes()
    # One picture with two labels, which only a fresh look at the files can tell.
    copy.write_bytes(original.read_bytes())
    try:
        error = runner.refused(image_folder)
        again = runner.refused(image_folder)
    finally:
        copy.write_bytes(content)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert "benign/patient 03 (0).png (benign), malignant/patient 03 (0).png (malignant)" in str(error)
    assert again.reasons == error.reasons, "what was refused stays refused"
    assert runner.versions() == before
    mended = runner.run(image_folder)
    assert sorted(mended.executed) == ALWAYS
    assert mended.versions == before


def test_refused_data_leave_nothing_that_later_steps_could_read(
    configuration_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    data, runner = tmp_path / "data", Runner(configuration_file, tmp_path / "out")
    shutil.copytree(image_folder, data)
    shutil.rmtree(data / "malignant")
    (data / "malignant").mkdir()
    groups = [line for line in (data / "groups.csv").read_text().splitlines() if "malignant" not in line]
    (data / "groups.csv").write_text("\n".join(groups) + "\n")

    error = runner.refused(data)

    assert error.exit_code == EXIT_DATA_REJECTED
    assert [reason.split(",")[0] for reason in error.reasons[1:]] == [
        f"    split '{split}' has 0 images of class 'malignant'" for split in ("train", "eval", "test")
    ]
    made = {path.name for path in (runner.output / "pipeline_root").iterdir()}
    assert made & {"Transform", "Trainer", "Evaluator", "Pusher", "RunReport"} == set()
    assert list((runner.output / "pipeline_root" / "DataGate").rglob("gate.json")) == []
    assert not (runner.output / "serving").exists()


def test_a_split_without_any_image_is_refused(configuration_file: Path, image_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for label in ("benign", "malignant"):
        (data / label).mkdir(parents=True)
        for patient in (1, 2):
            name = f"{label}/patient {patient:02d} (0).png"
            shutil.copyfile(image_folder / name, data / name)

    error = Runner(configuration_file, tmp_path / "out").refused(data)

    assert [reason.split(",")[0] for reason in error.reasons[1:]] == [
        f"    split 'test' has 0 images of class '{label}'" for label in ("benign", "malignant")
    ]


@pytest.mark.slow
def test_lost_version_is_published_again_and_a_lost_model_is_trained_again(
    first: tuple[Runner, Outcome], image_folder: Path
) -> None:
    runner, _ = first
    shutil.rmtree(runner.output / "serving")
    again = runner.run(image_folder)
    assert sorted(again.executed) == sorted([*ALWAYS, "Pusher", "RunReport"])
    assert again.versions == [again.published]

    shutil.rmtree(runner.output / "pipeline_root" / "Trainer")
    trained = runner.run(image_folder)
    assert sorted(trained.cached) == sorted(COMPONENTS[: COMPONENTS.index("Trainer")])
    assert trained.blessed is True
    assert trained.baseline is None, "a model whose files are gone is nothing to compare with"


@pytest.mark.slow
def test_drifted_data_are_refused_until_they_are_accepted_and_only_then_compared_with(
    second: tuple[Runner, OSError, Outcome], tmp_path: Path, stopping_trainer: None
) -> None:
    """The last to use this runner, whose history it changes."""
    runner, *_ = second
    before = runner.versions()
    drifted = write_images(tmp_path / "drifted", BRIGHT)

    for _ in range(2):  # what was refused does not become what it is compared with
        error = runner.refused(drifted)
        assert error.exit_code == EXIT_DATA_REJECTED
        heading, *findings = error.reasons
        assert "(drift, " in heading
        assert "--set data.checks.drift=warn" in heading
        assert any(
            finding.startswith("    brightness: the last accepted data and train differ by 1.000")
            for finding in findings
        )
    assert runner.versions() == before

    with pytest.raises(_StopError):
        runner.run(drifted, "data.checks.drift=warn")
    assert runner.finished()["DataGate"] is False

    # From here on the brighter images are what later ones are compared with.
    (drifted / "benign" / "patient 00 (0).png").write_bytes(b"")
    error = runner.refused(drifted)
    assert [reason.partition("(")[2].partition(",")[0] for reason in error.reasons] == [
        "unreadable",
        "0).png: the file is empty (0 bytes)",
    ]
