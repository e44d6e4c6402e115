"""The component that blesses a model on lower bounds; TFMA's Evaluator looks at the values themselves."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import ClinicalBlessing, ClinicalEvaluation
from components.clinical_evaluator.executor import (
    BASELINE_KEY,
    BLESSING_KEY,
    EVALUATION_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    SETTINGS_KEY,
    Executor,
)
from components.settings import ClinicalEvaluationSettings


class ClinicalEvaluatorSpec(ComponentSpec):
    PARAMETERS = {SETTINGS_KEY: ExecutionParameter(type=str)}
    INPUTS = {
        EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        MODEL_KEY: ChannelParameter(type=standard_artifacts.Model),
        BASELINE_KEY: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        EVALUATION_KEY: ChannelParameter(type=ClinicalEvaluation),
        BLESSING_KEY: ChannelParameter(type=ClinicalBlessing),
    }


class ClinicalEvaluator(base_component.BaseComponent):
    """Intervals, operating point, calibration and slices of a model on images that it never saw.

    It asks the signature that is served, and blesses where every lower bound reaches what the settings ask for.
    """

    SPEC_CLASS = ClinicalEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        settings: ClinicalEvaluationSettings,
        baseline_model: types.BaseChannel | None = None,
    ) -> None:
        """Args:
        examples: as ingested, with the splits that the settings name.
        baseline_model: the latest blessed model; may be empty.
        """
        super().__init__(
            spec=ClinicalEvaluatorSpec(
                **{
                    EXAMPLES_KEY: examples,
                    MODEL_KEY: model,
                    BASELINE_KEY: baseline_model,
                    SETTINGS_KEY: settings.model_dump_json(),
                    EVALUATION_KEY: channel.Channel(type=ClinicalEvaluation),
                    BLESSING_KEY: channel.Channel(type=ClinicalBlessing),
                }
            )
        )
