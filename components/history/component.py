"""Components that look into the folders of the past, and those that add to them.

Each output is an empty folder where there is nothing to find. None may be cached: what they find is in no artifact.
"""

import json
import time
from typing import Final

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.artifacts import DataGateReport, DatasetManifest
from components.data_gate.report import REPORT_FILE, STATISTICS_FILE
from components.history import published_models
from components.history.accepted_data import keep_report, latest_other_report
from components.history.files import copy_file
from components.model_files import saved_model_folder
from components.publisher.executor import PUSHED_PROPERTY, VERSION_PROPERTY
from serving.extras import Classes

# Below the folder of the past.
_ACCEPTED_DATA: Final = "accepted_data"
_WEIGHTS: Final = "weights"


@component
def LatestAcceptedData(  # noqa: N802  a component
    manifest: InputArtifact[DatasetManifest],
    report: OutputArtifact[DataGateReport],
    history_directory: Parameter[str],
) -> None:
    """Finds the gate's report on the newest accepted data other than those of the manifest."""
    found = latest_other_report(manifest.uri, f"{history_directory}/{_ACCEPTED_DATA}")
    if found:
        for name in (STATISTICS_FILE, REPORT_FILE):
            copy_file(f"{found}/{name}", f"{report.uri}/{name}")


@component
def AcceptedDataKeeper(  # noqa: N802  a component
    manifest: InputArtifact[DatasetManifest],
    report: InputArtifact[DataGateReport],
    history_directory: Parameter[str],
) -> None:
    """Keeps the gate's report on data that it has accepted."""
    keep_report(report.uri, manifest.uri, f"{history_directory}/{_ACCEPTED_DATA}", time.time_ns())


@component
def LatestPublishedModel(  # noqa: N802  a component
    candidate: InputArtifact[standard_artifacts.Model],
    model: OutputArtifact[standard_artifacts.Model],
    serving_directory: Parameter[str],
    model_name: Parameter[str],
    labels: Parameter[str],
    positive_label: Parameter[str],
) -> None:
    """Finds the newest published model that tells the same classes apart and is not the candidate itself.

    Its parameter `labels` is a JSON list.
    """
    base = f"{serving_directory}/{model_name}"
    classes = Classes(tuple(json.loads(labels)), positive_label)
    version = published_models.latest_other_version(base, classes, saved_model_folder(candidate.uri))
    if version is not None:
        published_models.fetch(base, version, model)


@component
def LatestWeights(  # noqa: N802  a component
    model: OutputArtifact[standard_artifacts.Model],
    serving_directory: Parameter[str],
    history_directory: Parameter[str],
    model_name: Parameter[str],
    labels: Parameter[str],
    positive_label: Parameter[str],
) -> None:
    """Finds the newest published model of these classes, with the weights that a training can start from."""
    base, weights = f"{serving_directory}/{model_name}", f"{history_directory}/{_WEIGHTS}/{model_name}"
    classes = Classes(tuple(json.loads(labels)), positive_label)
    version = published_models.latest_version_with_weights(base, classes, weights)
    if version is not None:
        published_models.fetch(base, version, model)
        published_models.fetch_weights(weights, version, model)


@component
def WeightsKeeper(  # noqa: N802  a component
    model: InputArtifact[standard_artifacts.Model],
    pushed_model: InputArtifact[standard_artifacts.PushedModel],
    history_directory: Parameter[str],
    model_name: Parameter[str],
) -> None:
    """Keeps the weights of a model that was published."""
    version = _published_version(pushed_model)
    if version:
        published_models.keep_weights(model.uri, version, f"{history_directory}/{_WEIGHTS}/{model_name}")


def _published_version(pushed_model: types.Artifact) -> str:
    """Empty where nothing was published."""
    pushed: int = pushed_model.get_int_custom_property(PUSHED_PROPERTY)
    version: str = pushed_model.get_string_custom_property(VERSION_PROPERTY)
    return version if pushed else ""
