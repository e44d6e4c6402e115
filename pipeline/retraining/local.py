"""Retraining on this machine: its graphs, its output folder, its clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from components.clinical_evaluator.content import ClinicalEvaluation, Figure
from components.image_example_gen.component import ImageExampleGen
from components.manifest import FILE_NAME
from components.publisher.releases import versions
from components.report.content import ReportContent
from components.settings import SpanSettings
from components.span_gate.component import SpanGate
from components.span_gate.content import VERDICT_FILE
from components.span_gate.executor import read_verdict
from pipeline.config import Config
from pipeline.failures import explain
from pipeline.graph import Platform, build_span_validation
from pipeline.local import (
    check_machine,
    fingerprinted_platform,
    hold,
    latest_result,
    run_pipeline,
    run_whole,
)
from pipeline.metadata.place import MetadataPlace, metadata_place
from pipeline.metadata.prepare import prepare_metadata
from pipeline.output import OutputFolder
from pipeline.published import check_classes, published_model
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.metadata import note_records
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.retrain import Clock, Retraining
from pipeline.retraining.runner import Trained, Validated
from pipeline.retraining.telling import Telling
from pipeline.summary import check_published, read_summary
from schema.errors import BreastImagingError, DataRejectedError, ModelNotBlessedError


def now() -> datetime:
    return datetime.now(UTC)


def retrain_locally(config: Config, data: Path, output: OutputFolder, clock: Clock = now) -> RetrainingRecord:
    """Retrains from a folder of spans, alone in the output folder.

    Raises as `Retraining.do` does; BreastImagingError where another run or retraining has the output folder; and
    ConfigurationError, before anything runs, where the machine lacks what the configuration asks for, where the
    metadata server cannot be used, or where the published model tells other classes apart.
    """
    check_machine(config)
    with hold(output):
        prepare_metadata(config.metadata, output)
        runner = LocalRunner(config, data.resolve(), output)
        if runner.incumbent_version() is not None:
            check_classes(runner.incumbent(), config)
        folder = RetrainingFolder(output.retraining)
        telling = Telling(config, data.resolve(), folder, clock)
        telling.catch_up()
        return Retraining(config, data.resolve(), folder, runner, clock, after=(telling.tell,)).do()


@dataclass(frozen=True)
class LocalRunner:
    """See `runner.Runner`."""

    config: Config
    data: Path
    output: OutputFolder

    def incumbent_version(self) -> int | None:
        return next(reversed(versions(self._serving)), None)

    def incumbent(self) -> Path:
        """The folder of the version that is served."""
        return published_model(self._serving)

    def validate(self, config: Config, spans: SpanSettings, fingerprint: str) -> Validated:
        model = None if self.incumbent_version() is None else str(self.incumbent())
        pipeline = build_span_validation(config, self._platform(config, spans, fingerprint), model)
        try:
            run_pipeline(pipeline, self.output)
        except Exception as error:
            explained = explain(error)  # Beam has errors of its own around ours
            if isinstance(explained, DataRejectedError):
                raise explained from error
            raise
        verdict = read_verdict(str(self._result(SpanGate, VERDICT_FILE)))
        return Validated(verdict, self._result(ImageExampleGen, FILE_NAME))

    def train(self, config: Config, spans: SpanSettings, fingerprint: str) -> Trained:
        run_whole(config, self._platform(config, spans, fingerprint), self.output)
        content = read_summary(self.output)
        return Trained(
            published_version=int(content.publication.version) if content.publication else None,
            reasons=_shortfalls(content),
            figures=_figures(content.clinical),
            incumbent_figures=_incumbent_figures(content.clinical),
            images={split.split: sum(split.images.values()) for split in content.data.splits},
            patients={split.split: split.groups for split in content.data.splits},
            report=self.output.report,
        )

    def note(self, history: Sequence[RetrainingRecord]) -> None:
        with self._metadata.open() as handle:
            note_records(handle.store, self._metadata, history, self.output.pipeline_root)

    @property
    def _metadata(self) -> MetadataPlace:
        return metadata_place(self.config.metadata, self.output)

    @property
    def _serving(self) -> Path:
        return self.output.serving / self.config.serving.model_name

    def _platform(self, config: Config, spans: SpanSettings, fingerprint: str) -> Platform:
        return replace(fingerprinted_platform(config, self.data, fingerprint, self.output), spans=spans)

    def _result(self, component: type[SpanGate] | type[ImageExampleGen], name: str) -> Path:
        folder = latest_result(self._metadata, component, name)
        if folder is None:
            raise BreastImagingError(
                f"The results of {component.__name__} are gone from {self.output.pipeline_root}.", fix="run again"
            )
        return folder


def _shortfalls(content: ReportContent) -> tuple[str, ...]:
    """Why the model was not published."""
    try:
        check_published(content)
    except ModelNotBlessedError as error:
        return error.reasons
    return ()


def _figures(clinical: ClinicalEvaluation) -> dict[str, float]:
    point = clinical.operating_point
    return {
        **_interval("test_auc", clinical.discrimination.auc),
        **_interval("test_recall", point.recall.figure),
        **_interval("test_specificity", point.specificity.figure),
        **(_interval("test_auc_change", clinical.comparison.auc) if clinical.comparison else {}),
    }


def _interval(name: str, figure: Figure) -> dict[str, float]:
    ends = {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return {key: value for key, value in ends.items() if value is not None}


def _incumbent_figures(clinical: ClinicalEvaluation) -> dict[str, float]:
    """The candidate's figures less what it is better by, on the same images."""
    if clinical.comparison is None:
        return {}
    own = _figures(clinical)
    differences = {
        "test_auc": clinical.comparison.auc.value,
        "test_recall": clinical.comparison.recall.value,
        "test_specificity": clinical.comparison.specificity.value,
    }
    return {name: own[name] - value for name, value in differences.items() if value is not None and name in own}
