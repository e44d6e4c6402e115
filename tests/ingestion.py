"""Runs ingestion and data gate in this process as TFX does, and reads back what they wrote."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import DataGateReport, DatasetManifest
from components.data_gate import component as data_gate
from components.image_example_gen import executor, manifest
from components.settings import DataSettings
from pipeline.config import BeamSettings
from pipeline.local import beam_arguments
from schema import contract

LABELS = ("benign", "malignant")


@dataclass(frozen=True)
class Ingested:
    """What the ingestion wrote below a folder."""

    examples_artifact: standard_artifacts.Examples
    manifest_directory: Path

    @property
    def directory(self) -> Path:
        return Path(self.examples_artifact.uri)

    def manifest(self) -> dict[str, manifest.ManifestEntry]:
        """The entries by their sources."""
        return {entry.source: entry for entry in manifest.read_manifest(str(self.manifest_directory))}

    def shards(self, split: str) -> list[Path]:
        return sorted((self.directory / f"Split-{split}").iterdir())

    def examples(self, split: str) -> list[tf.train.Example]:
        """The examples of a split in the order of the files."""
        records = tf.data.TFRecordDataset([str(path) for path in self.shards(split)])
        return [tf.train.Example.FromString(record) for record in records.as_numpy_iterator()]

    def sources(self, split: str) -> list[str]:
        return [value(example, contract.SOURCE).decode() for example in self.examples(split)]

    def files(self) -> dict[str, bytes]:
        """Every file written, by its path."""
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for folder in (self.directory, self.manifest_directory)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def value(example: tf.train.Example, key: str) -> Any:
    """The only value of a feature."""
    feature = example.features.feature[key]
    (only,) = getattr(feature, feature.WhichOneof("kind")).value
    return only


def ingest(data: Path | str, output: Path, *, workers: int = 1, **settings: Any) -> Ingested:
    """Runs the ingestion on a folder of images.

    Args:
        data: the folder of images.
        output: a folder to write to, new for each run.
        workers: of Beam; several are threads.
        settings: of `DataSettings`, in place of those of a folder of the two classes benign and malignant.
    """
    examples, written = standard_artifacts.Examples(), DatasetManifest()
    examples.uri, written.uri = str(output / "examples"), str(output / "manifest")
    (output / "examples").mkdir(parents=True)
    (output / "manifest").mkdir()
    values = {"dataset": "image_folder", "labels": LABELS, "positive_label": LABELS[-1]} | settings
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=beam_arguments(BeamSettings(workers=workers)), tmp_dir=str(output / "tmp"), unique_id="1"
    )
    with patch.object(sys, "argv", ["test"]):  # which TFX reads
        runner = executor.Executor(context=context)
    runner.Do(
        {},
        {executor.EXAMPLES_KEY: [examples], executor.MANIFEST_KEY: [written]},
        {executor.INPUT_BASE_KEY: str(data), executor.SETTINGS_KEY: DataSettings(**values).model_dump_json()},
    )
    return Ingested(examples, output / "manifest")


def run_data_gate(
    ingested: Ingested,
    output: Path,
    labels: Sequence[str] = LABELS,
    anomalies: anomalies_pb2.Anomalies | None = None,
) -> dict[str, list[str]]:
    """Runs the data gate on what was ingested, with `anomalies` in each split, and returns its findings."""
    found, written, report = standard_artifacts.ExampleAnomalies(), DatasetManifest(), DataGateReport()
    found.uri, written.uri, report.uri = str(output / "anomalies"), str(ingested.manifest_directory), str(output)
    found.split_names = artifact_utils.encode_split_names(list(contract.SPLITS))
    for split in contract.SPLITS:
        folder = output / "anomalies" / f"Split-{split}"
        folder.mkdir(parents=True)
        (folder / "SchemaDiff.pb").write_bytes((anomalies or anomalies_pb2.Anomalies()).SerializeToString())
    data_gate.Executor().Do(
        {data_gate.ANOMALIES_KEY: [found], data_gate.MANIFEST_KEY: [written]},
        {data_gate.REPORT_KEY: [report]},
        {data_gate.LABELS_KEY: json.dumps(labels)},
    )
    findings: dict[str, list[str]] = json.loads((output / data_gate.NOTES_FILE).read_text())
    return findings
