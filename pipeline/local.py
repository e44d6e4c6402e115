"""Runs the graph on this machine: Beam in this process, metadata in a file or on a server."""

import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.metadata import Metadata

from components.clinical_evaluator.component import ClinicalEvaluator
from components.clinical_evaluator.content import EVALUATION_FILE, PREDICTIONS_FILE
from components.cross_validation.component import CrossValidator
from components.cross_validation.content import PREDICTIONS_FILE as CROSS_VALIDATION_PREDICTIONS_FILE
from components.cross_validation.content import SUMMARY_FILE as CROSS_VALIDATION_FILE
from components.infra_validation.backends import find_tensorflow_serving
from components.models.registry import get_model
from components.models.weights import check_weights
from components.report.component import EvaluationReport, RunReport
from components.report.content import PAGE_FILE, SUMMARY_FILE
from pipeline.beam_check import check_engine
from pipeline.beam_runners import beam_arguments
from pipeline.commit import current_commit
from pipeline.config import Config
from pipeline.dag_runner import DagRunner
from pipeline.fingerprints import data_fingerprint
from pipeline.graph import Platform, build_cross_validation, build_evaluation, build_pipeline
from pipeline.lock import locked
from pipeline.lost_artifacts import forget_lost_artifacts
from pipeline.metadata.place import MetadataPlace, latest_outputs, metadata_place
from pipeline.metadata.prepare import prepare_metadata
from pipeline.output import OutputFolder
from pipeline.published import check_classes, published_model
from schema.errors import BreastImagingError


def local_platform(config: Config, data: Path, output: OutputFolder) -> Platform:
    """This machine as a platform, with all files of the folder. All paths become absolute."""
    return fingerprinted_platform(config, data, data_fingerprint(data), output)


def fingerprinted_platform(config: Config, data: Path, fingerprint: str, output: OutputFolder) -> Platform:
    """As `local_platform`, where the fingerprint of the files is known.

    Raises ConfigurationError where Beam's engine is not there, or cannot see the folders.
    """
    check_engine(config.beam, [str(data.resolve()), str(output.pipeline_root)])
    place = metadata_place(config.metadata, output)
    return Platform(
        data_directory=str(data.resolve()),
        data_fingerprint=fingerprint,
        pipeline_root=str(output.pipeline_root),
        serving_directory=str(output.serving),
        metadata=place.connection,
        pipeline_name=place.pipeline_name,
        beam_arguments=beam_arguments(config.beam),
        commit=current_commit(),
    )


def run_locally(config: Config, data: Path, output: OutputFolder) -> None:
    """Runs the pipeline from the data folder to the output folder. Raises what a component raises.

    Raises ConfigurationError before anything runs where the file of weights is absent or another one, where
    TensorFlow Serving is asked for and not there, or where the metadata server cannot be used.
    """
    check_machine(config)
    with hold(output):
        prepare_metadata(config.metadata, output)
        run_whole(config, local_platform(config, data, output), output)


def run_whole(config: Config, platform: Platform, output: OutputFolder) -> None:
    """Runs the pipeline in a folder that is held, and puts what it found where a person looks for it."""
    run_pipeline(build_pipeline(config, platform), output)
    place = metadata_place(config.metadata, output)
    _copy_evaluation(place, output)
    _copy_latest(place, RunReport, output.report, (PAGE_FILE, SUMMARY_FILE))


def check_machine(config: Config) -> None:
    """Raises ConfigurationError where the file of weights, or TensorFlow Serving, is asked for and not there."""
    check_weights(get_model(config.model.architecture), config.model)
    if config.serving.require_tensorflow_serving:
        find_tensorflow_serving(os.environ)


def cross_validate_locally(config: Config, data: Path, output: OutputFolder, folds: int) -> None:
    """Cross-validates; what a run and this have in common is taken from the cache. Raises as `run_locally` does."""
    check_weights(get_model(config.model.architecture), config.model)
    with hold(output):
        place = prepare_metadata(config.metadata, output)
        run_pipeline(build_cross_validation(config, local_platform(config, data, output), folds), output)
        files = (CROSS_VALIDATION_FILE, CROSS_VALIDATION_PREDICTIONS_FILE)
        _copy_latest(place, CrossValidator, output.cross_validation, files)


def evaluate_locally(config: Config, data: Path, output: OutputFolder, model: Path) -> None:
    """Evaluates an exported model on all images of a folder.

    Raises what a component raises, and ConfigurationError before anything runs where the model does not tell the
    configuration's classes apart.
    """
    folder = published_model(model)
    check_classes(folder, config)
    with hold(output):
        place = prepare_metadata(config.metadata, output)
        run_pipeline(build_evaluation(config, local_platform(config, data, output), str(folder)), output)
        _copy_evaluation(place, output)
        _copy_latest(place, EvaluationReport, output.report, (PAGE_FILE, SUMMARY_FILE))


def _copy_evaluation(place: MetadataPlace, output: OutputFolder) -> None:
    _copy_latest(place, ClinicalEvaluator, output.evaluation, (EVALUATION_FILE, PREDICTIONS_FILE))


def run_pipeline(pipeline: tfx_pipeline.Pipeline, output: OutputFolder) -> None:
    """Runs a graph in a folder that is held."""
    with Metadata(pipeline.metadata_connection_config) as handle:
        forget_lost_artifacts(handle.store, pipeline.pipeline_info.pipeline_name, output.pipeline_root)
    DagRunner().run(pipeline)


def hold(output: OutputFolder) -> AbstractContextManager[None]:
    """Holds the output folder for this process. Raises BreastImagingError where another one does."""
    return locked(
        output.lock,
        BreastImagingError(
            f"Another run is using the output folder {output.root}.",
            fix="wait for it to end, or choose another folder with --output",
        ),
    )


def _copy_latest(place: MetadataPlace, component: type[BaseComponent], target: Path, names: tuple[str, ...]) -> None:
    """Puts the files of a component's latest result where a person looks for them; nothing where nothing has run.

    Of several outputs, the result is the one with the first of the files.
    """
    directory = latest_result(place, component, names[0])
    if directory is None:
        return
    target.mkdir(exist_ok=True)
    for name in names:
        partial = target / f".{name}.partial"
        shutil.copyfile(directory / name, partial)
        partial.replace(target / name)


def latest_result(place: MetadataPlace, component: type[BaseComponent], name: str) -> Path | None:
    """The folder of a component's latest outputs that has a file of this name."""
    with place.open() as handle:
        outputs = latest_outputs(handle.store, place.pipeline_name, component)
    folders = (Path(output.uri) for output in outputs)
    return next((folder for folder in folders if (folder / name).exists()), None)
