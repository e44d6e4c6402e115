"""The component that asks how far the heat maps of a model can be believed."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import DatasetManifest, HeatMapEvaluation
from components.heat_map_evaluator.executor import (
    EVALUATION_KEY,
    EXAMPLES_KEY,
    INPUT_BASE_KEY,
    MANIFEST_KEY,
    MODEL_KEY,
    SETTINGS_KEY,
    Executor,
)
from components.settings import HeatMapSettings


class HeatMapEvaluatorSpec(ComponentSpec):
    PARAMETERS = {
        INPUT_BASE_KEY: ExecutionParameter(type=str),
        SETTINGS_KEY: ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
        MODEL_KEY: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {EVALUATION_KEY: ChannelParameter(type=HeatMapEvaluation)}


class HeatMapEvaluator(base_component.BaseComponent):
    """Scores the heat maps of a served model on images whose lesions are marked. It blesses nothing."""

    SPEC_CLASS = HeatMapEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        manifest: types.BaseChannel,
        model: types.BaseChannel,
        input_base: str | RuntimeParameter,
        settings: HeatMapSettings,
    ) -> None:
        """Args:
        examples: as ingested, with the splits that the settings name.
        input_base: the data folder, which holds the masks.
        """
        super().__init__(
            spec=HeatMapEvaluatorSpec(
                **{
                    EXAMPLES_KEY: examples,
                    MANIFEST_KEY: manifest,
                    MODEL_KEY: model,
                    INPUT_BASE_KEY: input_base,
                    SETTINGS_KEY: settings.model_dump_json(),
                    EVALUATION_KEY: channel.Channel(type=HeatMapEvaluation),
                }
            )
        )
