"""The component that fails the run where ExampleValidator only takes notes."""

import json
import os
from typing import Any, Final

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from components.artifacts import DataGateReport, DatasetManifest
from components.data_gate import checks
from components.image_example_gen.manifest import read_manifest
from schema.errors import DataRejectedError

NOTES_FILE: Final = "notes.json"
ANOMALIES_KEY: Final = "anomalies"
MANIFEST_KEY: Final = "manifest"
REPORT_KEY: Final = "report"
LABELS_KEY: Final = "labels"
_ANOMALIES_FILE: Final = "SchemaDiff.pb"
_FIX: Final = (
    "correct the files named; images of one picture with different labels can be left out with"
    " --set data.label_conflicts=drop"
)


class Executor(base_executor.BaseExecutor):
    """Runs every check. Raises DataRejectedError that lists all findings."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        manifest = read_manifest(artifact_utils.get_single_uri(input_dict[MANIFEST_KEY]))
        anomalies = artifact_utils.get_single_instance(input_dict[ANOMALIES_KEY])
        findings = {
            "schema": checks.check_anomalies(_read_anomalies(anomalies)),
            "label_conflicts": checks.check_label_conflicts(manifest),
            "leakage": checks.check_groups(manifest),
            "classes": checks.check_classes(manifest, json.loads(exec_properties[LABELS_KEY])),
        }
        reasons = [f"{check}: {reason}" for check, found in findings.items() for reason in found]
        if reasons:
            raise DataRejectedError(
                f"The data gate found {len(reasons)} reasons not to train on these data.",
                reasons=reasons,
                fix=_FIX,
            )
        path = os.path.join(artifact_utils.get_single_uri(output_dict[REPORT_KEY]), NOTES_FILE)
        with fileio.open(path, "w") as file:
            file.write(json.dumps({"groups": checks.note_grouping(manifest)}, indent=2))


def _read_anomalies(artifact: types.Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    return {
        split: anomalies_pb2.Anomalies.FromString(
            io_utils.read_bytes_file(os.path.join(artifact_utils.get_split_uri([artifact], split), _ANOMALIES_FILE))
        )
        for split in artifact_utils.decode_split_names(artifact.split_names)
    }


class DataGateSpec(ComponentSpec):
    PARAMETERS = {LABELS_KEY: ExecutionParameter(type=str)}
    INPUTS = {
        ANOMALIES_KEY: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
    }
    OUTPUTS = {REPORT_KEY: ChannelParameter(type=DataGateReport)}


class DataGate(base_component.BaseComponent):
    """Fails the run on anomalies, label conflicts, leakage between splits and missing classes.

    Whatever must not see rejected data has to depend on it.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, anomalies: types.BaseChannel, manifest: types.BaseChannel, labels: tuple[str, ...]) -> None:
        super().__init__(
            spec=DataGateSpec(
                **{
                    ANOMALIES_KEY: anomalies,
                    MANIFEST_KEY: manifest,
                    LABELS_KEY: json.dumps(labels),
                    REPORT_KEY: channel.Channel(type=DataGateReport),
                }
            )
        )
