"""The compiled pipeline, run as Kubeflow Pipelines would, ends as the same configuration does on this machine."""

import copy
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kubeflow.compiler import compile_pipeline
from kubeflow.package import write_package
from kubeflow.simulator.execution import Status
from kubeflow.simulator.simulate import Options, Outcome, failure, simulate
from pipeline.config import load_config
from tests.packages import Unwatched
from tests.pipeline.conftest import Outcome as LocalOutcome
from tests.pipeline.conftest import Runner

pytestmark = pytest.mark.slow

GATE = "gate={minimum_auc: 0, minimum_recall: 0}"
FIRST, SECOND = ("train.epochs=2", GATE), ("train.epochs=3", GATE)
IMAGE = f"registry.local/breast-imaging@sha256:{64 * '0'}"


@dataclass(frozen=True)
class Both:
    """The same second run, here and simulated; the model that the first one published is there for both."""

    first: LocalOutcome
    local: LocalOutcome
    simulated: Outcome
    summary: dict[str, Any]
    models: Path
    pipeline: Path
    options: Options


@pytest.fixture(scope="module")
def both(configuration_file: Path, image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    runner = Runner(configuration_file, tmp_path_factory.mktemp("local"))
    first = runner.run(image_folder, *FIRST)
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(runner.output / "serving", models, dirs_exist_ok=True)
    local = runner.run(image_folder, *SECOND)

    folder = tmp_path_factory.mktemp("kubeflow")
    pipeline = folder / "pipeline.yaml"
    write_package(compile_pipeline(load_config(str(configuration_file), SECOND), IMAGE), pipeline)
    options = Options(volumes={"data": image_folder, "models": models})
    simulated = simulate(pipeline, folder / "work", options, Unwatched())
    error = failure(simulated)
    assert error is None, str(error)
    summary = json.loads((simulated.artifact("run-report", "report") / "summary.json").read_text())
    return Both(first, local, simulated, summary, models, pipeline, options)


def test_every_figure_is_that_of_the_local_run(both: Both) -> None:
    """All but when it was, and how the two platforms name artifacts and the model compared with."""
    expected, found = _figures(both.local.summary), _figures(both.summary)

    assert found == expected
    assert found["gate"]["checks"] == both.local.checks


def test_the_candidate_was_compared_with_the_version_published_before(both: Both) -> None:
    assert both.local.baseline is not None
    assert both.summary["gate"]["baseline"] is not None
    assert {check["kind"] for check in both.summary["gate"]["checks"]} == {"value", "change"}


def test_it_published_beside_the_version_of_before(both: Both) -> None:
    versions = sorted(path.name for path in (both.models / "small").iterdir() if path.name.isdigit())

    assert versions == [both.first.published, both.summary["publication"]["version"]]


def test_the_page_is_one_object(both: Both) -> None:
    page = both.simulated.artifact("run-report", "html")

    assert page.is_file()
    assert page.read_bytes() == (both.simulated.artifact("run-report", "report") / "index.html").read_bytes()


def test_a_run_tried_again_repeats_nothing(both: Both) -> None:
    options = replace(both.options, retry=both.simulated.run)

    again = simulate(both.pipeline, both.pipeline.parent / "work", options, Unwatched())

    assert {execution.status for execution in again.executions} == {Status.KEPT}
    assert again.artifact("run-report", "html") == both.simulated.artifact("run-report", "html")


def _figures(summary: dict[str, Any]) -> dict[str, Any]:
    figures = copy.deepcopy(summary)
    for key in ("created", "lineage", "publication"):
        del figures[key]
    del figures["gate"]["baseline"]
    del figures["clinical"]["comparison"]["baseline"]
    return figures
