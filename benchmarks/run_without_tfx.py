"""The work of a run as a plain script: the same steps in the same order, and no TFX around them.

    python -m benchmarks.run_without_tfx --config synthetic --data path/to/images --output DIR

Where TFX brings the step, the library that it wraps is called: TFDV, TensorFlow Transform, TFMA, and the Trainer's
`run_fn`. The project's own steps are called as the functions of folders and settings that their executors are, with
artifacts that only say where a folder is. Left out is what TFX adds: the compiled graph, ML Metadata with its
executions and contexts, drivers, the cache, launchers, publishers.

Writes below `report/` what a run writes there. Takes networks trained from scratch on data without lesion masks;
nothing is compared with an earlier model.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

import tfx  # noqa: F401  stubs the module of tfx_bsl without which TFDV cannot be imported

# isort: split
import apache_beam as beam
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.public.tfxio import TFExampleRecord

from components import artifacts, transform
from components.clinical_evaluator import executor as clinical_evaluator
from components.data_gate import executor as data_gate
from components.evaluator.eval_config import make_eval_config
from components.image_example_gen import executor as image_example_gen
from components.model_card import component as model_card
from components.model_files import saved_model_folder
from components.models.registry import get_model
from components.publisher import executor as publisher
from components.report import component as report
from components.settings import ClinicalEvaluationSettings, TrainerSettings
from components.trainer import run_fn
from pipeline.beam_runners import beam_arguments
from pipeline.config import Config, load_config
from pipeline.graph import NOT_OF_THE_MODEL, NOT_OF_THE_RUN
from schema import contract

REPORT_FOLDER: Final = "report"
_TELEMETRY: Final = ["benchmark"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="synthetic")
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="key.path=value, as of a run")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--steps", type=Path, help="write the seconds of each step, by the name of its component")
    arguments = parser.parse_args()
    config = load_config(arguments.config, arguments.overrides)
    sys.argv = sys.argv[:1]  # which executors parse, for flags of their own
    script = Script(config, str(arguments.data.resolve()), arguments.output.resolve())
    script.run()
    if arguments.steps:
        arguments.steps.write_text(json.dumps(script.seconds, indent=2))


@dataclass
class Script:
    """Attributes: data: folder of images; root: of everything written; seconds: of each step that has ended."""

    config: Config
    data: str
    root: Path
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        with self._step("ImageExampleGen"):
            examples, manifest = self._ingest()
        with self._step("ImportSchemaGen"):
            schema = read_schema()
        with self._step("StatisticsGen"):
            statistics = self._compute_statistics(examples, schema)
        with self._step("ExampleValidator"):
            anomalies = self._validate(statistics, schema)
        with self._step("DataGate"):
            gate = self._pass_gate(anomalies, manifest)
        with self._step("Transform"):
            transformed = self._transform(examples, schema)
        with self._step("Trainer"):
            model, model_run = self._train(transformed)
        with self._step("Evaluator"):
            evaluation, blessing = self._evaluate(examples, model)
        with self._step("ClinicalEvaluator"):
            clinical, clinical_blessing = self._evaluate_clinically(examples, model)
        with self._step("CardWriter"):
            cards = self._write_cards(manifest, gate, model_run, clinical)
        with self._step("Pusher"):
            pushed, infra_blessing = self._publish(model, blessing, clinical_blessing, cards)
        with self._step("RunReport"):
            self._report(
                manifest=manifest,
                data_gate=gate,
                examples=examples,
                model=model,
                model_run=model_run,
                evaluation=evaluation,
                blessing=blessing,
                clinical_evaluation=clinical,
                pushed_model=pushed,
                infra_blessing=infra_blessing,
            )

    @contextmanager
    def _step(self, component: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[component] = time.perf_counter() - started

    def _artifact(self, kind: Callable[[], types.Artifact], name: str) -> types.Artifact:
        """Of a new folder."""
        folder = self.root / name
        folder.mkdir(parents=True)
        artifact = kind()
        artifact.uri = str(folder)
        return artifact

    def _beam_options(self) -> PipelineOptions:
        return PipelineOptions(beam_arguments(self.config.beam))

    def _ingest(self) -> tuple[types.Artifact, types.Artifact]:
        examples = self._artifact(standard_artifacts.Examples, "examples")
        manifest = self._artifact(artifacts.DatasetManifest, "manifest")
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=beam_arguments(self.config.beam), tmp_dir=str(self.root / "tmp"), unique_id="1"
        )
        image_example_gen.Executor(context).Do(
            {},
            {image_example_gen.EXAMPLES_KEY: [examples], image_example_gen.MANIFEST_KEY: [manifest]},
            {
                image_example_gen.INPUT_BASE_KEY: self.data,
                image_example_gen.SETTINGS_KEY: self.config.data.model_dump_json(),
            },
        )
        return examples, manifest

    def _compute_statistics(self, examples: types.Artifact, schema: schema_pb2.Schema) -> dict[str, Path]:
        """By split, the file."""
        files = {split: self.root / "statistics" / split / "FeatureStats.pb" for split in contract.SPLITS}
        with beam.Pipeline(options=self._beam_options()) as pipeline:
            for split, file in files.items():
                records = TFExampleRecord(_pattern(examples, split), telemetry_descriptors=_TELEMETRY)
                (
                    pipeline
                    | f"Read {split}" >> records.BeamSource()
                    | f"Compute {split}" >> tfdv.GenerateStatistics(tfdv.StatsOptions(schema=schema))
                    | f"Write {split}" >> tfdv.WriteStatisticsToBinaryFile(str(file))
                )
        return files

    def _validate(self, statistics: dict[str, Path], schema: schema_pb2.Schema) -> types.Artifact:
        anomalies = self._artifact(standard_artifacts.ExampleAnomalies, "anomalies")
        anomalies.split_names = artifact_utils.encode_split_names(list(statistics))
        for split, file in statistics.items():
            found = tfdv.validate_statistics(tfdv.load_stats_binary(str(file)), schema)
            folder = Path(artifact_utils.get_split_uri([anomalies], split))
            folder.mkdir()
            (folder / DEFAULT_FILE_NAME).write_bytes(found.SerializeToString())
        return anomalies

    def _pass_gate(self, anomalies: types.Artifact, manifest: types.Artifact) -> types.Artifact:
        gate = self._artifact(artifacts.DataGateReport, "data_gate")
        data_gate.Executor().Do(
            {data_gate.ANOMALIES_KEY: [anomalies], data_gate.MANIFEST_KEY: [manifest]},
            {data_gate.REPORT_KEY: [gate]},
            {data_gate.SETTINGS_KEY: self.config.data.model_dump_json()},
        )
        return gate

    def _transform(self, examples: types.Artifact, schema: schema_pb2.Schema) -> Path:
        """The folder of the graph, and of the transformed examples by split."""
        folder = self.root / "transformed"
        settings = get_model(self.config.model.architecture).transform_settings(self.config.model)
        custom_config = {transform.SETTINGS_KEY: settings.model_dump_json()}
        sources = {
            split: TFExampleRecord(_pattern(examples, split), telemetry_descriptors=_TELEMETRY, schema=schema)
            for split in (contract.TRAIN, contract.EVAL)
        }
        with (
            tempfile.TemporaryDirectory() as temporary,
            beam.Pipeline(options=self._beam_options()) as pipeline,
            tft_beam.Context(temp_dir=temporary),
        ):
            raw = {
                split: (pipeline | f"Read {split}" >> source.BeamSource(), source.TensorAdapterConfig())
                for split, source in sources.items()
            }
            transform_fn = raw[contract.TRAIN] | tft_beam.AnalyzeDataset(
                lambda inputs: transform.preprocessing_fn(inputs, custom_config)
            )
            transform_fn | tft_beam.WriteTransformFn(str(folder))
            for split, data in raw.items():
                batches, metadata = (data, transform_fn) | f"Transform {split}" >> tft_beam.TransformDataset(
                    output_record_batches=True
                )
                (
                    batches
                    | f"Encode {split}" >> beam.ParDo(_EncodeExamples(metadata.schema))
                    | f"Write {split}"
                    >> beam.io.WriteToTFRecord(str(folder / split / "examples"), file_name_suffix=".gz")
                )
        return folder

    def _train(self, transformed: Path) -> tuple[types.Artifact, types.Artifact]:
        model = self._artifact(standard_artifacts.Model, "model")
        model_run = self._artifact(standard_artifacts.ModelRun, "model_run")
        settings = TrainerSettings(
            labels=self.config.data.labels,
            positive_label=self.config.data.positive_label,
            model=self.config.model,
            train=self.config.train,
            prediction=self.config.prediction,
            operating_point=self.config.operating_point,
            model_name=self.config.serving.model_name,
        )
        run_fn.run_fn(
            FnArgs(
                train_files=[f"{transformed}/{contract.TRAIN}/*"],
                eval_files=[f"{transformed}/{contract.EVAL}/*"],
                transform_output=str(transformed),
                serving_model_dir=f"{model.uri}/Format-Serving",
                model_run_dir=model_run.uri,
                custom_config={
                    run_fn.SETTINGS_KEY: settings.model_dump_json(),
                    run_fn.CHECKPOINTS_KEY: str(self.root / "checkpoints"),
                },
            )
        )
        return model, model_run

    def _evaluate(self, examples: types.Artifact, model: types.Artifact) -> tuple[types.Artifact, types.Artifact]:
        evaluation = self._artifact(standard_artifacts.ModelEvaluation, "evaluation")
        blessing = self._artifact(standard_artifacts.ModelBlessing, "blessing")
        data = self.config.data
        eval_config = tfma.utils.update_eval_config_with_defaults(
            make_eval_config(data.labels, data.positive_label, self.config.gate),
            has_baseline=False,
            rubber_stamp=True,
        )
        tfma.run_model_analysis(
            eval_shared_model=tfma.default_eval_shared_model(saved_model_folder(model.uri), eval_config=eval_config),
            eval_config=eval_config,
            data_location=_pattern(examples, contract.TEST),
            output_path=evaluation.uri,
            pipeline_options=self._beam_options(),
        )
        accepted = tfma.load_validation_result(evaluation.uri).validation_ok
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(accepted))
        return evaluation, blessing

    def _evaluate_clinically(
        self, examples: types.Artifact, model: types.Artifact
    ) -> tuple[types.Artifact, types.Artifact]:
        evaluation = self._artifact(artifacts.ClinicalEvaluation, "clinical_evaluation")
        blessing = self._artifact(artifacts.ClinicalBlessing, "clinical_blessing")
        settings = ClinicalEvaluationSettings(
            labels=self.config.data.labels,
            positive_label=self.config.data.positive_label,
            splits=(contract.TEST,),
            clinical=self.config.clinical,
        )
        clinical_evaluator.Executor().Do(
            {clinical_evaluator.EXAMPLES_KEY: [examples], clinical_evaluator.MODEL_KEY: [model]},
            {clinical_evaluator.EVALUATION_KEY: [evaluation], clinical_evaluator.BLESSING_KEY: [blessing]},
            {clinical_evaluator.SETTINGS_KEY: settings.model_dump_json()},
        )
        return evaluation, blessing

    def _write_cards(
        self, manifest: types.Artifact, gate: types.Artifact, model_run: types.Artifact, clinical: types.Artifact
    ) -> types.Artifact:
        cards = self._artifact(artifacts.ModelCards, "cards")
        model_card.Executor().Do(
            {
                "manifest": [manifest],
                "data_gate": [gate],
                "model_run": [model_run],
                "clinical_evaluation": [clinical],
            },
            {model_card.CARDS_KEY: [cards]},
            {model_card.CONFIGURATION_KEY: self.config.to_yaml(exclude=NOT_OF_THE_MODEL)},
        )
        return cards

    def _publish(
        self,
        model: types.Artifact,
        blessing: types.Artifact,
        clinical_blessing: types.Artifact,
        cards: types.Artifact,
    ) -> tuple[types.Artifact, types.Artifact]:
        pushed = self._artifact(standard_artifacts.PushedModel, "pushed_model")
        infra_blessing = self._artifact(standard_artifacts.InfraBlessing, "infra_blessing")
        publisher.Executor().Do(
            {
                standard_component_specs.MODEL_KEY: [model],
                standard_component_specs.MODEL_BLESSING_KEY: [blessing],
                publisher.CLINICAL_BLESSING_KEY: [clinical_blessing],
                publisher.CARDS_KEY: [cards],
            },
            {
                standard_component_specs.PUSHED_MODEL_KEY: [pushed],
                publisher.INFRA_BLESSING_KEY: [infra_blessing],
            },
            {
                publisher.SERVING_DIRECTORY_KEY: str(self.root / "serving"),
                publisher.MODEL_NAME_KEY: self.config.serving.model_name,
                publisher.REQUIRE_TENSORFLOW_SERVING_KEY: self.config.serving.require_tensorflow_serving,
            },
        )
        return pushed, infra_blessing

    def _report(self, **inputs: types.Artifact) -> None:
        outputs = {
            report.REPORT_KEY: self._artifact(artifacts.RunReport, REPORT_FOLDER),
            report.HTML_KEY: self._artifact(artifacts.HtmlPage, "html"),
            report.METRICS_KEY: self._artifact(artifacts.Metrics, "metrics"),
            report.CLASSIFICATION_KEY: self._artifact(artifacts.ClassificationMetrics, "classification_metrics"),
        }
        report.RunReportExecutor().Do(
            {name: [artifact] for name, artifact in inputs.items()},
            {name: [artifact] for name, artifact in outputs.items()},
            {report.CONFIGURATION_KEY: self.config.to_yaml(exclude=NOT_OF_THE_RUN)},
        )


class _EncodeExamples(beam.DoFn):
    """From batches of transformed columns to serialized tf.Examples."""

    def __init__(self, schema: schema_pb2.Schema) -> None:
        self._schema = schema

    def setup(self) -> None:
        self._encoder = RecordBatchToExamplesEncoder(self._schema)

    def process(self, element: tuple[Any, Any]) -> Iterator[bytes]:
        yield from self._encoder.encode(element[0])


def read_schema() -> schema_pb2.Schema:
    text = (resources.files("schema") / "schema.pbtxt").read_text("utf-8")
    return text_format.Parse(text, schema_pb2.Schema())


def _pattern(examples: types.Artifact, split: str) -> str:
    return f"{artifact_utils.get_split_uri([examples], split)}/*"


if __name__ == "__main__":
    main()
