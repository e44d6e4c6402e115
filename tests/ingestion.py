"""Runs ingestion and data gate in this process as TFX does, and reads back what they wrote."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import DataGateReport, DatasetManifest
from components.data_gate import executor as data_gate
from components.data_gate.report import GateReport, read_report
from components.image_example_gen import executor
from components.manifest import ManifestEntry, SimilarPair, read_manifest, read_pairs
from components.settings import DataSettings
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import LocalBeam
from schema import contract

LABELS = ("benign", "malignant")


@dataclass(frozen=True)
class Ingested:
    """What the ingestion wrote below a folder."""

    examples_artifact: standard_artifacts.Examples
    manifest_directory: Path
    settings: DataSettings

    @property
    def directory(self) -> Path:
        return Path(self.examples_artifact.uri)

    def manifest(self) -> dict[str, ManifestEntry]:
        """The entries by their sources."""
        return {entry.source: entry for entry in read_manifest(str(self.manifest_directory))}

    def pairs(self) -> list[SimilarPair]:
        return read_pairs(str(self.manifest_directory))

    def shards(self, split: str) -> list[Path]:
        return sorted((self.directory / f"Split-{split}").iterdir())

    def examples(self, split: str) -> list[tf.train.Example]:
        """The examples of a split in the order of the files."""
        records = tf.data.TFRecordDataset([str(path) for path in self.shards(split)])
        return [tf.train.Example.FromString(record) for record in records.as_numpy_iterator()]

    def sources(self, split: str) -> list[str]:
        return [value(example, contract.SOURCE).decode() for example in self.examples(split)]

    def all_sources(self) -> list[str]:
        """Of the examples of all splits, sorted."""
        return sorted(source for split in contract.SPLITS for source in self.sources(split))

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
    validated = DataSettings.model_validate(values)
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=beam_arguments(LocalBeam(workers=workers)), tmp_dir=str(output / "tmp"), unique_id="1"
    )
    with patch.object(sys, "argv", ["test"]):  # which TFX reads
        runner = executor.Executor(context=context)
    runner.Do(
        {},
        {executor.EXAMPLES_KEY: [examples], executor.MANIFEST_KEY: [written]},
        {executor.INPUT_BASE_KEY: str(data), executor.SETTINGS_KEY: validated.model_dump_json()},
    )
    return Ingested(examples, output / "manifest", validated)


def run_data_gate(
    ingested: Ingested,
    output: Path,
    *,
    anomalies: anomalies_pb2.Anomalies | None = None,
    previous: Path | None = None,
) -> GateReport:
    """Runs the data gate on what was ingested.

    Args:
        output: a folder to write to, new for each run.
        anomalies: what TFDV is to have found in each split.
        previous: the `output` of the gate's run on earlier data.
    """
    found, written, report = standard_artifacts.ExampleAnomalies(), DatasetManifest(), DataGateReport()
    found.uri, written.uri, report.uri = str(output / "anomalies"), str(ingested.manifest_directory), str(output)
    found.split_names = artifact_utils.encode_split_names(list(contract.SPLITS))
    for split in contract.SPLITS:
        folder = output / "anomalies" / f"Split-{split}"
        folder.mkdir(parents=True)
        (folder / "SchemaDiff.pb").write_bytes((anomalies or anomalies_pb2.Anomalies()).SerializeToString())
    inputs = {data_gate.ANOMALIES_KEY: [found], data_gate.MANIFEST_KEY: [written]}
    if previous:
        earlier = DataGateReport()
        earlier.uri = str(previous)
        inputs[data_gate.PREVIOUS_KEY] = [earlier]
    data_gate.Executor().Do(
        inputs,
        {data_gate.REPORT_KEY: [report]},
        {data_gate.SETTINGS_KEY: ingested.settings.model_dump_json()},
    )
    return read_report(str(output))


def findings_of(report: GateReport) -> dict[str, list[str]]:
    """What each check found, for those that found something."""
    return {result.check: result.findings for result in report.results if result.findings}
