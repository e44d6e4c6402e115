"""Pusher with one more condition, the clinical blessing, and with cards that go with the model."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import ClinicalBlessing, ModelCards
from components.publisher.executor import (
    CARDS_KEY,
    CLINICAL_BLESSING_KEY,
    INFRA_BLESSING_KEY,
    MODEL_NAME_KEY,
    REQUIRE_TENSORFLOW_SERVING_KEY,
    SERVING_DIRECTORY_KEY,
    Executor,
)


class PusherSpec(ComponentSpec):
    PARAMETERS = {
        SERVING_DIRECTORY_KEY: ExecutionParameter(type=str),
        MODEL_NAME_KEY: ExecutionParameter(type=str),
        REQUIRE_TENSORFLOW_SERVING_KEY: ExecutionParameter(type=int),
    }
    INPUTS = {
        standard_component_specs.MODEL_KEY: ChannelParameter(type=standard_artifacts.Model),
        standard_component_specs.MODEL_BLESSING_KEY: ChannelParameter(type=standard_artifacts.ModelBlessing),
        CLINICAL_BLESSING_KEY: ChannelParameter(type=ClinicalBlessing),
        CARDS_KEY: ChannelParameter(type=ModelCards),
    }
    OUTPUTS = {
        standard_component_specs.PUSHED_MODEL_KEY: ChannelParameter(type=standard_artifacts.PushedModel),
        INFRA_BLESSING_KEY: ChannelParameter(type=standard_artifacts.InfraBlessing),
    }


class Pusher(base_component.BaseComponent):
    """Publishes a model that both evaluations have blessed, and its cards, as one version, whole or not at all."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        clinical_blessing: types.BaseChannel,
        cards: types.BaseChannel,
        serving_directory: str | RuntimeParameter,
        model_name: str,
        require_tensorflow_serving: bool,
    ) -> None:
        """Args:
        serving_directory: holds a folder of versions for each model; local or in an object store.
        model_name: the name of that folder.
        require_tensorflow_serving: publish nothing where there is only the session loader to check the model with.
        """
        super().__init__(
            spec=PusherSpec(
                **{
                    standard_component_specs.MODEL_KEY: model,
                    standard_component_specs.MODEL_BLESSING_KEY: model_blessing,
                    CLINICAL_BLESSING_KEY: clinical_blessing,
                    CARDS_KEY: cards,
                    SERVING_DIRECTORY_KEY: serving_directory,
                    MODEL_NAME_KEY: model_name,
                    REQUIRE_TENSORFLOW_SERVING_KEY: int(require_tensorflow_serving),
                    INFRA_BLESSING_KEY: channel.Channel(type=standard_artifacts.InfraBlessing),
                    standard_component_specs.PUSHED_MODEL_KEY: channel.Channel(type=standard_artifacts.PushedModel),
                }
            )
        )
