"""The component that runs a frozen backbone over the transformed images."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import ImageFeatures
from components.features.executor import EXAMPLES_KEY, FEATURES_KEY, SETTINGS_KEY, Executor
from components.settings import FeatureSettings


class FeatureExtractorSpec(ComponentSpec):
    PARAMETERS = {SETTINGS_KEY: ExecutionParameter(type=str)}
    INPUTS = {EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {FEATURES_KEY: ChannelParameter(type=ImageFeatures)}


class FeatureExtractor(base_component.BaseComponent):
    """Computes the feature map of each image once, and those of some augmented views.

    Its settings hold nothing that a head or a seed of training depends on, so that TFX's cache serves its result for
    every other head, seed and trial.
    """

    SPEC_CLASS = FeatureExtractorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel, settings: FeatureSettings) -> None:
        """Args:
        examples: transformed, with the splits that the settings name.
        """
        super().__init__(
            spec=FeatureExtractorSpec(
                **{
                    EXAMPLES_KEY: examples,
                    SETTINGS_KEY: settings.model_dump_json(),
                    FEATURES_KEY: channel.Channel(type=ImageFeatures),
                }
            )
        )
