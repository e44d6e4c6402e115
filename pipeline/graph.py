"""The one graph, for every platform."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import tensorflow_model_analysis  # noqa: F401  registers the metrics that the Evaluator's configuration names
from tfx import types
from tfx.components import Evaluator, ExampleValidator, StatisticsGen, Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto.transform_pb2 import SplitsConfig
from tfx.types import standard_artifacts

from components import transform
from components.clinical_evaluator.component import ClinicalEvaluator
from components.cross_validation.component import CrossValidator
from components.data_gate.component import DataGate
from components.datasets.registry import get_dataset
from components.evaluator.eval_config import make_eval_config
from components.features.component import FeatureExtractor
from components.heat_map_evaluator.component import HeatMapEvaluator
from components.image_example_gen.component import ImageExampleGen
from components.model_card.component import CardWriter
from components.models.registry import get_model
from components.models.spec import UNTRAINED
from components.publisher.component import Pusher
from components.report.component import EvaluationReport, RunReport
from components.schema_importer import ImportSchemaGen
from components.settings import (
    ClinicalEvaluationSettings,
    CrossValidationSettings,
    FeatureSettings,
    HeatMapSettings,
    SpanGateSettings,
    SpanSettings,
    TrainerSettings,
    TunerSettings,
)
from components.span_gate.component import SpanGate
from components.trainer.component import Trainer
from components.tuner.component import Tuner
from pipeline.config import Config
from pipeline.fingerprints import STEP_CODE, code_fingerprint
from pipeline.history import History, MetadataHistory
from schema import contract
from schema.errors import ConfigurationError

PIPELINE_NAME: Final = "breast-imaging"
CODE_FINGERPRINT_KEY: Final = "code_fingerprint"
# Sections of the configuration that do not show: what says nothing of a model, and of a run.
NOT_OF_THE_MODEL: Final = ("alerts", "beam", "kubeflow", "metadata")
NOT_OF_THE_RUN: Final = ("alerts", "metadata")


@dataclass(frozen=True)
class Platform:
    """Where a run happens: all that differs between one machine and a cluster.

    Attributes:
        data_directory: the folder of images.
        data_fingerprint: changes whenever a file of that folder does.
        pipeline_root: where artifacts are written.
        serving_directory: where `<model>/<version>` folders are published.
        metadata: connection to ML Metadata; None where the platform brings its own.
        pipeline_name: tells the runs of this pipeline from those of others in ML Metadata.
        beam_arguments: options of the Beam runner.
        commit: of the code; empty where it is not known.
        history: of earlier runs.
        spans: the folders of the data folder that are read, and the ledger of their patients; None where the data
            folder is a data set itself.

    Folders may be runtime parameters, where the platform has those.
    """

    data_directory: str | RuntimeParameter
    data_fingerprint: str | RuntimeParameter
    pipeline_root: str
    serving_directory: str | RuntimeParameter
    metadata: object | None = None
    pipeline_name: str = PIPELINE_NAME
    beam_arguments: list[str] = field(default_factory=list)
    commit: str = ""
    history: History = field(default_factory=MetadataHistory)
    spans: SpanSettings | None = None


def build_pipeline(config: Config, platform: Platform) -> tfx_pipeline.Pipeline:
    """The pipeline of a configuration: from a folder of images to a published model and a report."""
    data = _data_nodes(config, platform)
    transformed = _transform(config, data, (contract.TRAIN, contract.EVAL))
    features = _feature_extractor(config, transformed, {contract.TRAIN: config.train.feature_views, contract.EVAL: 0})
    tuner = _tuner(config, transformed, features)
    start = platform.history.warm_start() if config.train.warm_start else None
    trainer = Trainer(
        examples=transformed.outputs["transformed_examples"],
        transform_graph=transformed.outputs["transform_graph"],
        features=features.outputs["features"] if features else None,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        base_model=start.outputs["model"] if start else None,
        settings=_trainer_settings(config),
    )
    baseline = platform.history.baseline(trainer.outputs["model"])
    evaluator = Evaluator(
        examples=data.examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=data.schema.outputs["schema"],
        example_splits=[contract.TEST],
        eval_config=make_eval_config(config.data.labels, config.data.positive_label, config.gate),
    )
    clinical = ClinicalEvaluator(
        examples=data.examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        settings=_clinical_settings(config, (contract.TEST,)),
    )
    cards = CardWriter(
        # The machine makes no other model, and no other cards that would be published anew.
        configuration=config.to_yaml(exclude=NOT_OF_THE_MODEL),
        manifest=data.examples.outputs["manifest"],
        data_gate=data.gate.outputs["report"],
        model_run=trainer.outputs["model_run"],
        clinical_evaluation=clinical.outputs["evaluation"],
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        clinical_blessing=clinical.outputs["blessing"],
        cards=cards.outputs["cards"],
        serving_directory=platform.serving_directory,
        model_name=config.serving.model_name,
        require_tensorflow_serving=config.serving.require_tensorflow_serving,
    )
    weights = (
        platform.history.keep_weights(trainer.outputs["model"], pusher.outputs["pushed_model"])
        if config.train.warm_start
        else None
    )
    heat_maps = _heat_map_evaluator(config, platform, data, trainer.outputs["model"], (contract.TEST,))
    report = RunReport(
        configuration=config.to_yaml(exclude=NOT_OF_THE_RUN),
        commit=platform.commit,
        manifest=data.examples.outputs["manifest"],
        data_gate=data.gate.outputs["report"],
        examples=data.examples.outputs["examples"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        clinical_evaluation=clinical.outputs["evaluation"],
        pushed_model=pusher.outputs["pushed_model"],
        infra_blessing=pusher.outputs["infra_blessing"],
        **_scores_of(heat_maps),
    )
    return _pipeline(
        platform,
        [
            *data.all,
            transformed,
            features,
            tuner,
            start,
            trainer,
            baseline,
            evaluator,
            clinical,
            cards,
            pusher,
            weights,
            heat_maps,
            report,
        ],
    )


def build_cross_validation(config: Config, platform: Platform, folds: int) -> tfx_pipeline.Pipeline:
    """Cross-validation of a configuration over the images of all splits; publishes nothing.

    Raises ConfigurationError where settings are to be tuned: each fold would need a tuning of its own, since one over
    all images would have seen those that the fold tests.
    """
    if config.tuning is not None:
        raise ConfigurationError(
            "tuning: nothing is tuned in a cross-validation.",
            fix="--set tuning=null, and set the keys that a run has tuned to their values there",
        )
    data = _data_nodes(config, platform)
    transformed = _transform(config, data, contract.SPLITS)
    features = _feature_extractor(config, transformed, dict.fromkeys(contract.SPLITS, config.train.feature_views))
    validator = CrossValidator(
        examples=transformed.outputs["transformed_examples"],
        features=features.outputs["features"] if features else None,
        manifest=data.examples.outputs["manifest"],
        settings=CrossValidationSettings(
            trainer=_trainer_settings(config), folds=folds, split=config.data.split, seed=config.data.seed
        ),
    )
    return _pipeline(platform, [*data.all, transformed, features, validator])


def build_evaluation(config: Config, platform: Platform, model: str) -> tfx_pipeline.Pipeline:
    """Evaluation of an exported model on the images of all splits; trains and publishes nothing.

    Args:
        model: folder of the SavedModel.
    """
    # Nothing is learnt from these images, so that they may be few, of one class, or unlike each other.
    checks = config.data.checks.model_copy(update={"classes": "warn", "skew": "warn", "drift": "warn"})
    config = config.model_copy(update={"data": config.data.model_copy(update={"checks": checks})})
    data = _data_nodes(config, platform)
    importer = _published_model(model)
    evaluator = ClinicalEvaluator(
        examples=data.examples.outputs["examples"],
        model=importer.outputs["result"],
        settings=_clinical_settings(config, contract.SPLITS),
    )
    evaluator.add_upstream_node(data.gate)
    heat_maps = _heat_map_evaluator(config, platform, data, importer.outputs["result"], contract.SPLITS)
    report = EvaluationReport(
        configuration=config.to_yaml(exclude=NOT_OF_THE_RUN),
        commit=platform.commit,
        manifest=data.examples.outputs["manifest"],
        data_gate=data.gate.outputs["report"],
        examples=data.examples.outputs["examples"],
        model=importer.outputs["result"],
        clinical_evaluation=evaluator.outputs["evaluation"],
        **_scores_of(heat_maps),
    )
    return _pipeline(platform, [*data.all, importer, evaluator, heat_maps, report])


def build_span_validation(config: Config, platform: Platform, model: str | None) -> tfx_pipeline.Pipeline:
    """Judgement of one new span by itself, before anything is trained on it.

    Args:
        platform: whose spans name the new one as their only folder, and those it is compared with.
        model: folder of the published SavedModel with its card; None where none was published.
    """
    if platform.spans is None:
        raise ValueError("the platform names no spans")
    # A span is a part: its own splits are small, and drift is for the span gate to judge.
    checks = config.data.checks.model_copy(update={"classes": "warn", "skew": "warn", "drift": "warn"})
    config = config.model_copy(update={"data": config.data.model_copy(update={"checks": checks})})
    data = _data_nodes(config, platform)
    published = _published_model(model) if model else None
    gate = SpanGate(
        examples=data.examples.outputs["examples"],
        manifest=data.examples.outputs["manifest"],
        data_gate=data.gate.outputs["report"],
        model=published.outputs["result"] if published else None,
        settings=SpanGateSettings(data=config.data, retraining=config.retraining),
        spans=platform.spans,
    )
    return _pipeline(platform, [*data.all, published, gate])


@dataclass(frozen=True)
class _DataNodes:
    """From the folder to accepted examples. Attributes: all: these nodes, and those around them that there are."""

    examples: BaseNode
    schema: BaseNode
    gate: BaseNode
    all: tuple[BaseNode | None, ...]


def _pipeline(platform: Platform, nodes: Sequence[BaseNode | None]) -> tfx_pipeline.Pipeline:
    components = [node for node in nodes if node is not None]
    for node in components:
        if node.id in STEP_CODE:
            node.exec_properties[CODE_FINGERPRINT_KEY] = code_fingerprint(node.id)
    return tfx_pipeline.Pipeline(
        pipeline_name=platform.pipeline_name,
        pipeline_root=platform.pipeline_root,
        components=components,
        metadata_connection_config=platform.metadata,
        beam_pipeline_args=platform.beam_arguments,
        enable_cache=True,
    )


def _data_nodes(config: Config, platform: Platform) -> _DataNodes:
    examples = ImageExampleGen(
        input_base=platform.data_directory,
        settings=config.data,
        data_fingerprint=platform.data_fingerprint,
        spans=platform.spans,
    )
    schema = ImportSchemaGen()
    statistics = StatisticsGen(examples=examples.outputs["examples"], schema=schema.outputs["schema"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    accepted_data = platform.history.accepted_data(examples.outputs["manifest"])
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        manifest=examples.outputs["manifest"],
        previous=accepted_data.outputs["report"],
        settings=config.data,
        spans=platform.spans,
    )
    keeper = platform.history.keep_data(examples.outputs["manifest"], gate.outputs["report"])
    return _DataNodes(examples, schema, gate, (examples, schema, statistics, validator, accepted_data, gate, keeper))


def _published_model(folder: str) -> BaseNode:
    return Importer(
        source_uri=folder,
        artifact_type=standard_artifacts.Model,
        reimport=True,  # the folder may hold another model by now
    ).with_id("PublishedModel")


def _transform(config: Config, data: _DataNodes, splits: Sequence[str]) -> BaseNode:
    """Of these splits; it learns nothing from any of them."""
    settings = get_model(config.model.architecture).transform_settings(config.model)
    transformed = Transform(
        examples=data.examples.outputs["examples"],
        schema=data.schema.outputs["schema"],
        preprocessing_fn=_dotted(transform.preprocessing_fn),
        disable_statistics=True,  # StatisticsGen has looked at these examples
        splits_config=SplitsConfig(analyze=[contract.TRAIN], transform=list(splits)),
        custom_config={transform.SETTINGS_KEY: settings.model_dump_json()},
    )
    transformed.add_upstream_node(data.gate)
    return transformed


def _feature_extractor(
    config: Config, transformed: BaseNode, views_of_splits: dict[str, int]
) -> FeatureExtractor | None:
    """None where no backbone is frozen: in networks trained from scratch, and on an untrained backbone."""
    if get_model(config.model.architecture).starting_weights(config.model) == UNTRAINED:
        return None
    return FeatureExtractor(
        examples=transformed.outputs["transformed_examples"],
        settings=FeatureSettings(
            model=config.model.model_copy(update={"head": "", "dropout": None}),
            augmentation=config.train.augmentation,
            seed=config.data.seed,
            views_of_splits=views_of_splits,
        ),
    )


def _tuner(config: Config, transformed: BaseNode, features: FeatureExtractor | None) -> Tuner | None:
    """None where nothing is tuned. Its settings leave out what only later steps need, so that the cache serves it."""
    if config.tuning is None:
        return None
    return Tuner(
        examples=transformed.outputs["transformed_examples"],
        features=features.outputs["features"] if features else None,
        settings=TunerSettings(
            labels=config.data.labels,
            positive_label=config.data.positive_label,
            model=config.model,
            train=config.train.model_copy(update={"members": 1}),
            tuning=config.tuning,
        ),
    )


def _trainer_settings(config: Config) -> TrainerSettings:
    return TrainerSettings(
        labels=config.data.labels,
        positive_label=config.data.positive_label,
        model=config.model,
        train=config.train,
        prediction=config.prediction,
        operating_point=config.operating_point,
        model_name=config.serving.model_name,
    )


def _clinical_settings(config: Config, splits: tuple[str, ...]) -> ClinicalEvaluationSettings:
    return ClinicalEvaluationSettings(
        labels=config.data.labels,
        positive_label=config.data.positive_label,
        splits=splits,
        clinical=config.clinical,
    )


def _heat_map_evaluator(
    config: Config, platform: Platform, data: _DataNodes, model: types.Channel, splits: tuple[str, ...]
) -> HeatMapEvaluator | None:
    """None for data sets without lesion masks."""
    if get_dataset(config.data.dataset).find_masks is None:
        return None
    evaluator = HeatMapEvaluator(
        examples=data.examples.outputs["examples"],
        manifest=data.examples.outputs["manifest"],
        model=model,
        input_base=platform.data_directory,
        settings=HeatMapSettings(
            dataset=config.data.dataset,
            positive_label=config.data.positive_label,
            splits=splits,
            spans=platform.spans.folders if platform.spans else (),
        ),
    )
    evaluator.add_upstream_node(data.gate)
    return evaluator


def _scores_of(evaluator: HeatMapEvaluator | None) -> dict[str, types.Channel]:
    """The report's input, where there is one."""
    return {"heat_map_evaluation": evaluator.outputs["evaluation"]} if evaluator else {}


def _dotted(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
