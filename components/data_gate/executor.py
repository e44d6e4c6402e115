"""Runs the data gate: reads what ingestion and TFDV left, makes every check, refuses or reports."""

import os
from typing import Any, Final

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.data_checks.spec import Evidence
from components.data_gate.report import (
    MANIFEST_ID_PROPERTY,
    GateReport,
    population_of,
    read_earlier_sample,
    write_report,
)
from components.data_gate.spans import compared_spans
from components.data_gate.statistics import Sample, compare, compare_splits, find_anomalies, find_differences, sample
from components.data_gate.verdict import judge, note_baseline, note_grouping, refuse
from components.datasets.registry import get_dataset
from components.manifest import Manifest, read_manifest, read_pairs
from components.settings import DataSettings, SpanSettings
from schema import contract

ANOMALIES_KEY: Final = "anomalies"
MANIFEST_KEY: Final = "manifest"
PREVIOUS_KEY: Final = "previous"
REPORT_KEY: Final = "report"
SETTINGS_KEY: Final = "settings"
SPANS_KEY: Final = "spans"
_ANOMALIES_FILE: Final = "SchemaDiff.pb"


class Executor(base_executor.BaseExecutor):
    """Runs every check. Raises DataRejectedError that lists the findings."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = DataSettings.model_validate_json(exec_properties[SETTINGS_KEY])
        manifest_artifact = artifact_utils.get_single_instance(input_dict[MANIFEST_KEY])
        manifest, pairs = read_manifest(manifest_artifact.uri), read_pairs(manifest_artifact.uri)
        modality = get_dataset(settings.dataset).modality
        evidence = Evidence([entry for entry in manifest if not entry.dropped], pairs, modality, settings)
        train = sample(manifest, contract.TRAIN)
        compared = _compared(input_dict, exec_properties, settings, manifest, train)
        skew = compare_splits(manifest, settings.checks.skew_limit)
        drift = compare(*compared, settings.checks.drift_limit) if compared else []
        anomalies = _read_anomalies(artifact_utils.get_single_instance(input_dict[ANOMALIES_KEY]))
        results = judge(
            manifest,
            evidence,
            {
                "schema_anomalies": find_anomalies(anomalies),
                "skew": find_differences(skew),
                "drift": find_differences(drift),
            },
        )
        refuse(results)
        report = artifact_utils.get_single_instance(output_dict[REPORT_KEY])
        report.set_int_custom_property(MANIFEST_ID_PROPERTY, manifest_artifact.id)
        write_report(
            GateReport(
                results=results,
                differences=[*skew, *drift],
                # Spans were compared one by one, before they were accepted.
                notes=note_grouping(manifest) + ([] if exec_properties.get(SPANS_KEY) else note_baseline(compared)),
                train_groups=train.groups,
                population=population_of(settings),
            ),
            train.statistics,
            report.uri,
        )


def _compared(
    input_dict: dict[str, list[types.Artifact]],
    exec_properties: dict[str, Any],
    settings: DataSettings,
    manifest: Manifest,
    train: Sample,
) -> tuple[Sample, Sample] | None:
    """Accepted data and those at hand: train of both, or, of a span, all images; None where nothing was accepted."""
    if text := exec_properties.get(SPANS_KEY):
        return compared_spans(SpanSettings.model_validate_json(text), manifest)
    earlier = read_earlier_sample(input_dict.get(PREVIOUS_KEY, []), settings)
    return (earlier, train) if earlier else None


def _read_anomalies(artifact: types.Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    return {
        split: anomalies_pb2.Anomalies.FromString(
            io_utils.read_bytes_file(os.path.join(artifact_utils.get_split_uri([artifact], split), _ANOMALIES_FILE))
        )
        for split in artifact_utils.decode_split_names(artifact.split_names)
    }
