"""The component that says what a configuration is worth on images that its models never saw."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import CrossValidationReport, DatasetManifest, ImageFeatures
from components.cross_validation.executor import (
    EXAMPLES_KEY,
    FEATURES_KEY,
    MANIFEST_KEY,
    REPORT_KEY,
    SETTINGS_KEY,
    Executor,
)
from components.settings import CrossValidationSettings


class CrossValidatorSpec(ComponentSpec):
    PARAMETERS = {SETTINGS_KEY: ExecutionParameter(type=str)}
    INPUTS = {
        EXAMPLES_KEY: ChannelParameter(type=standard_artifacts.Examples),
        FEATURES_KEY: ChannelParameter(type=ImageFeatures, optional=True),
        MANIFEST_KEY: ChannelParameter(type=DatasetManifest),
    }
    OUTPUTS = {REPORT_KEY: ChannelParameter(type=CrossValidationReport)}


class CrossValidator(base_component.BaseComponent):
    """Group-wise cross-validation over the images of all splits.

    In each turn one fold is tested, and the rest is divided by group into what is learnt from and what chooses the
    epoch, the temperature and the threshold.
    """

    SPEC_CLASS = CrossValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        manifest: types.BaseChannel,
        settings: CrossValidationSettings,
        features: types.BaseChannel | None = None,
    ) -> None:
        """Args:
        examples: transformed, of all splits.
        features: of the same examples; None where no backbone is frozen.
        """
        super().__init__(
            spec=CrossValidatorSpec(
                **{
                    EXAMPLES_KEY: examples,
                    FEATURES_KEY: features,
                    MANIFEST_KEY: manifest,
                    SETTINGS_KEY: settings.model_dump_json(),
                    REPORT_KEY: channel.Channel(type=CrossValidationReport),
                }
            )
        )
